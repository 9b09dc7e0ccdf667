import { event } from '@rca/core/connector'
import { mountPoint, process, unit } from './attributes.ts'

/** What happens to a machine. */
export const events = {
  hostRebooted: event({
    name: 'host.rebooted',
    severity: 'warning',
    description: 'The machine was started anew.',
    attributes: {
      'server.boot.id': 'Id of the current run of the machine.',
      'server.boot.previous_id': 'Id of the run before.',
      'server.boot.last_seen': 'When the run before was last seen. ISO 8601, UTC.',
    },
  }),
  hostOutOfMemoryKill: event({
    name: 'host.oom_kill',
    severity: 'critical',
    description: 'The kernel killed a process for want of memory.',
    attributes: {
      'server.oom_kill.count': 'Processes that were killed since the last look.',
      'server.oom_kill.scope': '`machine`, or `cgroup` where the limit of a control group was hit.',
      'server.oom_kill.resident': 'Bytes of memory that the process used.',
      ...process,
    },
  }),
  hostClockStepped: event({
    name: 'host.clock_stepped',
    severity: 'warning',
    description: 'The clock was set by more than a second. Times before and after do not fit together.',
    attributes: { 'server.clock.step': 'Seconds by which the clock was set; less than 0 for backwards.' },
  }),
  filesystemReadOnly: event({
    name: 'filesystem.read_only',
    severity: 'critical',
    description: 'A filesystem that was writable has become read-only: the kernel does so after an error of its disk.',
    attributes: {
      ...mountPoint,
      'system.filesystem.type': 'Its type, such as `ext4`.',
      'system.device': 'The device, share or dataset that is mounted.',
    },
  }),
  filesystemWritable: event({
    name: 'filesystem.writable',
    severity: 'info',
    description: 'A filesystem that had become read-only is writable again.',
    attributes: {
      ...mountPoint,
      'system.filesystem.type': 'Its type, such as `ext4`.',
      'system.device': 'The device, share or dataset that is mounted.',
    },
  }),
  unitFailed: event({
    name: 'systemd.unit.failed',
    severity: 'error',
    description: 'A systemd unit has failed.',
    attributes: unit,
  }),
  unitRecovered: event({
    name: 'systemd.unit.recovered',
    severity: 'info',
    description: 'A systemd unit is no longer failed: it runs again, was reset or was taken away.',
    attributes: { 'systemd.unit.name': 'Name of the unit.' },
  }),
}
