import { type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { Mount, ServerClient } from '../client/server-client.ts'
import { entities, mountPointAttribute } from '../entities.ts'

const mountAttributes = {
  ...mountPointAttribute,
  'system.filesystem.type': 'Type, such as `ext4`.',
  'system.device': 'Device, share or dataset that is mounted.',
}

export const readOnlySignals = {
  filesystemReadOnly: event({
    name: 'filesystem.read_only',
    severity: 'critical',
    description: 'A writable filesystem became read-only. The kernel does this after a disk error.',
    attributes: mountAttributes,
  }),
  filesystemWritable: event({
    name: 'filesystem.writable',
    severity: 'info',
    description: 'A filesystem that became read-only is writable again.',
    attributes: mountAttributes,
  }),
}

/** State of each mount, by mount point and device. `turned-read-only` was writable before. */
const cursorSchema = z.record(z.string(), z.enum(['writable', 'read-only', 'turned-read-only']))
type States = z.output<typeof cursorSchema>

/**
 * Reports filesystems that become read-only while mounted, and writable again, also across a restart of the agent. A
 * filesystem that was mounted read-only is not reported, and neither is a bind mount that becomes read-only.
 */
export const readOnlyFilesystems: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    let states = cursor.before ?? {}
    for (;;) {
      const events: Event[] = []
      const next: States = {}
      for (const mount of await client.mounts()) {
        const key = `${mount.mountPoint} ${mount.device}`
        const previous = states[key]
        next[key] = nextState(previous, mount.filesystemReadOnly)
        const hasTurned = mount.filesystemReadOnly ? previous === 'writable' : previous === 'turned-read-only'
        if (hasTurned) events.push(toEvent(mount, context.now()))
      }
      if (events.length > 0) context.emit({ events })
      states = next
      await cursor.save(next)
      await context.sleep('15s')
    }
  },
}

function nextState(previous: States[string] | undefined, readOnly: boolean): States[string] {
  if (!readOnly) return 'writable'
  return previous === undefined || previous === 'read-only' ? 'read-only' : 'turned-read-only'
}

function toEvent(mount: Mount, at: Date): Event {
  const definition = mount.filesystemReadOnly ? readOnlySignals.filesystemReadOnly : readOnlySignals.filesystemWritable
  return definition.event({
    at,
    entity: entities.filesystem.reference(mount.mountPoint),
    body: `${mount.mountPoint} (${mount.device}) ${mount.filesystemReadOnly ? 'has become read-only' : 'is writable again'}`,
    attributes: {
      'system.filesystem.mountpoint': mount.mountPoint,
      'system.filesystem.type': mount.type,
      'system.device': mount.device,
    },
  })
}
