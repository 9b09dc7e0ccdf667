import { container, workload } from '../../kinds/common-signals.ts'
import { error, info, SAMPLED } from '../event-declarations.ts'

const run = {
  'k8s.container.kind': '`container`, `init` or `sidecar`.',
  'container.exit_code': 'Exit code.',
  'container.exit_signal': 'Name of the signal that ended it, such as `SIGKILL`.',
  'container.oom_killed':
    'Whether the kernel killed it because it was out of memory: as the kubelet reports, or by the evidence of the node and the last memory reading.',
  'container.started_at': 'When the run began. ISO 8601.',
  'container.finished_at': 'When the run ended. ISO 8601.',
  'k8s.container.last_terminated.reason': 'Reason of the end, as the kubelet reports it.',
  'k8s.container.last_terminated.message': 'Termination message of the container, without secrets.',
  'k8s.workload.container_ends':
    'Number of pods of the workload in which the container ended like this, from the 10th on.',
  'k8s.container.restart.count': 'How often it was restarted in its pod.',
}

const evidence = {
  'k8s.container.cpu.request': 'CPU request, in cores.',
  'k8s.container.cpu.limit': 'CPU limit, in cores.',
  'k8s.container.memory.request': 'Memory request, in bytes.',
  'k8s.container.memory.limit': 'Memory limit, in bytes.',
  'container.memory.working_set': 'Bytes of memory at the last reading before the end.',
  'container.memory.working_set_at': 'Time of that reading. ISO 8601.',
  'k8s.container.killed_by':
    'Why the kubelet killed the container: `liveness probe`, `startup probe` or `postStart hook`.',
  'k8s.container.hook.message': 'Message about the failed hook, without secrets.',
  'k8s.container.probe.message':
    'Message of the probe that made the kubelet kill the container, or else of the last failed probe, without secrets.',
  'k8s.container.probe.failed_at': 'When that probe failed. ISO 8601.',
  'k8s.node.problems': 'Problems of the node, as `MemoryPressure=True (reason): message`.',
  'k8s.container.log': 'The end of the log of this run, 16 KiB at most, without secrets and escape sequences.',
  'k8s.container.log_missing': 'Why there is no log.',
}

/** Events about containers. */
export const signals = {
  containerCrashed: error(
    'k8s.container.crashed',
    `A run of a container failed: by an exit code other than 0, by a signal, or out of memory, which is critical. Also a run that the kubelet killed because of a probe or hook. Carries the evidence. Not reported if its pod was deleted or evicted, and for a sidecar that is stopped after the regular containers. ${SAMPLED} Pods of a workload count together, and so do Jobs of a namespace that no CronJob made; OOM kills of different pods are not sampled.`,
    { ...container, ...workload, ...run, ...evidence },
  ),
  containerRestartLoop: error(
    'k8s.container.restart_loop',
    'A container ends again and again: reported at the 4th, 10th, 30th, 100th, … end in a row, with the evidence of that one.',
    {
      ...container,
      ...workload,
      ...run,
      ...evidence,
      'k8s.container.restart_loop.count': 'Runs that ended in a row, each shorter than ten minutes.',
    },
  ),
  containerResized: info(
    'k8s.container.resized',
    'The requests or limits of a running container were changed in place.',
    {
      ...container,
      ...workload,
      'k8s.container.kind': '`container`, `init` or `sidecar`.',
      'change.resources': 'Requests and limits in force, each as `memory limit 512Mi → 1Gi`.',
    },
  ),
  containerStartFailed: error(
    'k8s.container.start_failed',
    `A container cannot be started: its image cannot be pulled, its configuration is missing, or the runtime refuses it. ${SAMPLED} Pods of a revision count together.`,
    {
      ...container,
      ...workload,
      'k8s.container.kind': '`container`, `init` or `sidecar`.',
      'k8s.container.state_reason': 'Reason, such as `ErrImagePull`.',
      'k8s.container.start_failed.kind': '`image`, `config` or `runtime`.',
      'k8s.container.error': 'Error that the kubelet reports, without secrets.',
      'k8s.workload.pods_affected': 'Pods of the same revision that could not be started so far.',
    },
  ),
}
