import { event } from '@rca/core/connector'
import { container, workload } from '../../kinds/common-signals.ts'

const run = {
  'k8s.container.kind': '`container`, `init` or `sidecar`.',
  'container.exit_code': 'Exit code.',
  'container.exit_signal': 'Name of the signal that ended it, such as `SIGKILL`.',
  'container.oom_killed': 'Whether the kernel killed it for want of memory.',
  'container.started_at': 'When the run began. ISO 8601.',
  'container.finished_at': 'When the run ended. ISO 8601.',
  'k8s.container.last_terminated.reason': 'Why it ended, as the kubelet says.',
  'k8s.container.last_terminated.message': 'What the container left as its last word, without secrets.',
  'k8s.workload.container_ends':
    'Which it is of the ends of this container in all pods of the workload within ten minutes, where not each is told.',
  'k8s.container.restart.count': 'How often it was started again in its pod.',
}

const evidence = {
  'k8s.container.cpu.request': 'Processors that are kept for it.',
  'k8s.container.cpu.limit': 'Processors that it may use.',
  'k8s.container.memory.request': 'Bytes of memory that are kept for it.',
  'k8s.container.memory.limit': 'Bytes of memory that it may use.',
  'container.memory.working_set': 'Bytes of memory at the last look before the end.',
  'container.memory.working_set_at': 'When that look was. ISO 8601.',
  'k8s.container.probe.message': 'What the last failed probe said, without secrets.',
  'k8s.container.probe.failed_at': 'When that probe failed. ISO 8601.',
  'k8s.node.problems': 'What is not well with the node, as `MemoryPressure=True (reason): message`.',
  'k8s.container.log': 'The end of the log of this run, 16 KiB at most, without secrets and escape sequences.',
  'k8s.container.log_missing': 'Why there is no log.',
}

/** What happens to containers. */
export const containerEvents = {
  containerCrashed: event({
    name: 'k8s.container.crashed',
    severity: 'error',
    description:
      'A run of a container ended as no healthy one does: with another exit code than 0, by a signal, for want of memory. Carries the evidence. Not where its pod was deleted or evicted. Of a workload whose pods crash alike within ten minutes the first twenty are told, and the 100th, 1000th, …: of Jobs that no workload made those of a namespace together.',
    attributes: { ...container, ...workload, ...run, ...evidence },
  }),
  containerRestartLoop: event({
    name: 'k8s.container.restart_loop',
    severity: 'error',
    description:
      'A container ends again and again: told at the 4th, 10th, 30th, 100th, … end in a row, with the evidence of that one.',
    attributes: {
      ...container,
      ...workload,
      ...run,
      ...evidence,
      'k8s.container.restart_loop.count': 'Runs that ended in a row, none of which lasted ten minutes.',
    },
  }),
  containerStartFailed: event({
    name: 'k8s.container.start_failed',
    severity: 'error',
    description:
      'A container cannot be started: its image cannot be had, its configuration is missing, or the runtime refuses it. Told once for all pods of a revision.',
    attributes: {
      ...container,
      ...workload,
      'k8s.container.kind': '`container`, `init` or `sidecar`.',
      'k8s.container.state_reason': 'Reason, such as `ErrImagePull`.',
      'k8s.container.start_failed.kind': '`image`, `config` or `runtime`.',
      'k8s.container.error': 'What the kubelet says was wrong, without secrets.',
      'k8s.workload.pods_affected': 'Pods of the same revision for which that was said so far.',
    },
  }),
}
