import { event } from '@rca/core/connector'
import { helm, inNamespace, workload } from '../../kinds/common-signals.ts'
import { fields, repeated, SAMPLED, settings, writer } from '../change-attributes.ts'

const difference = {
  ...fields,
  ...settings,
  'change.images': 'Images, each as `app: shop/web:1 → shop/web:2`.',
  'change.containers.added': 'Containers that were added, as `name=image`.',
  'change.containers.removed': 'Containers that were removed, as `name=image`.',
  'change.resources': 'Requests and limits, each as `app limits.memory: 536870912 → 1073741824`.',
  'change.environment.added': 'Variables that were added, as `app/NAME`.',
  'change.environment.removed': 'Variables that were removed.',
  'change.environment.changed': 'Variables whose value changed. Values are never reported.',
  'change.environment_from.added': 'ConfigMaps and Secrets whose keys became variables, as `app/configMap/web`.',
  'change.environment_from.removed': 'ConfigMaps and Secrets whose keys are no longer variables.',
  'change.commands': 'Containers whose command or arguments changed.',
  'change.probes':
    'Probes, each as `app readiness: http :8080/ready → http :8080/health` or `app liveness period: 5 → 10`.',
  'change.mounts.added': 'Mounts that were added, as `configMap/web`, `secret/tls` or `claim/data`.',
  'change.mounts.removed': 'Mounts that were removed.',
  'change.annotations':
    'Names of annotations of the pods that were added, removed or changed, such as `checksum/config`.',
  'change.restart': 'Whether a restart was requested, as by `kubectl rollout restart`.',
}

const generation = { 'k8s.workload.generation': 'Generation: counts the changes that authors made.' }
const revision = { 'k8s.workload.revision': 'Desired revision, if it is known.' }

const replicas = {
  'k8s.workload.replicas.desired': 'Desired pods.',
  'k8s.workload.replicas.updated': 'Pods of the newest template.',
  'k8s.workload.replicas.ready': 'Ready pods.',
  'k8s.workload.replicas.available': 'Available pods.',
}

const autoscaler = {
  ...inNamespace,
  'k8s.hpa.name': 'Name of the autoscaler.',
  'k8s.hpa.target': 'The object that it scales, as `Deployment/web`.',
  'k8s.hpa.replicas.min': 'Minimum of pods.',
  'k8s.hpa.replicas.max': 'Maximum of pods.',
}
const autoscalerCondition = {
  ...autoscaler,
  ...repeated,
  'k8s.hpa.replicas.current': 'Current pods.',
  'k8s.hpa.replicas.desired': 'Desired pods.',
  'k8s.hpa.reason': 'Reason of the condition.',
  'k8s.hpa.message': 'Message of the condition, without secrets.',
}

/** Events about workloads and autoscalers. */
export const signals = {
  workloadCreated: event({
    name: 'k8s.workload.created',
    severity: 'info',
    description: 'A workload was created. Jobs and ReplicaSets only if no other workload made them.',
    attributes: {
      ...workload,
      ...helm,
      ...writer,
      'k8s.workload.images': 'Images of its containers, as `name=image`.',
      'k8s.workload.replicas.desired': 'Desired pods.',
    },
  }),
  workloadDeleted: event({
    name: 'k8s.workload.deleted',
    severity: 'warning',
    description:
      'A workload was deleted. Not reported for Jobs, and for workloads that are deleted with their namespace.',
    attributes: { ...workload, ...helm, 'k8s.workload.replicas.desired': 'Desired pods before the deletion.' },
  }),
  workloadChanged: event({
    name: 'k8s.workload.changed',
    severity: 'warning',
    description:
      'The specification of a workload was changed: its pods are replaced, or treated in another way. For a workload that cannot be watched itself, such as a Rollout of Argo, the change is read from the revisions of its ReplicaSets, and the entity is the ReplicaSet that is desired now.',
    attributes: { ...workload, ...helm, ...writer, ...difference, ...generation, ...revision },
  }),
  workloadScaled: event({
    name: 'k8s.workload.scaled',
    severity: 'info',
    description: 'The desired number of pods of a workload was changed.',
    attributes: {
      ...workload,
      ...helm,
      ...writer,
      ...generation,
      'k8s.hpa.name': 'Autoscaler of the workload.',
      'change.replicas.old': 'Desired pods before.',
      'change.replicas.new': 'Desired pods now.',
    },
  }),
  rolloutStuck: event({
    name: 'k8s.workload.rollout_stuck',
    severity: 'error',
    description:
      'The rollout of a Deployment does not progress within its deadline, or that of a StatefulSet or DaemonSet within ten minutes. Carries the evidence.',
    attributes: {
      ...workload,
      ...helm,
      ...generation,
      ...revision,
      ...replicas,
      'k8s.workload.images': 'Images of its containers, as `name=image`.',
      'k8s.workload.message': 'Message of its controller, without secrets.',
      'k8s.workload.replica_failure': 'Why pods cannot be created at all, such as a quota, without secrets.',
      'k8s.workload.pods.waiting': 'Why the newest pods are not ready, each as `ImagePullBackOff: 3`.',
      'k8s.workload.pods.message': 'Message about one of these pods, without secrets.',
    },
  }),
  rolloutCompleted: event({
    name: 'k8s.workload.rollout_completed',
    severity: 'info',
    description: 'All pods of a workload have its newest template and are available.',
    attributes: { ...workload, ...helm, ...generation, ...revision, ...replicas },
  }),
  workloadUnavailable: event({
    name: 'k8s.workload.unavailable',
    severity: 'error',
    description: `A workload has lost its last available pod. ${SAMPLED}`,
    attributes: { ...workload, ...helm, ...revision, ...replicas, ...repeated },
  }),
  workloadAvailable: event({
    name: 'k8s.workload.available',
    severity: 'info',
    description: 'A workload that had no available pod has one again.',
    attributes: { ...workload, ...helm, ...revision, ...replicas },
  }),
  jobFailed: event({
    name: 'k8s.job.failed',
    severity: 'error',
    description: `A Job has failed and is not retried. ${SAMPLED} Jobs of a CronJob count together.`,
    attributes: {
      ...workload,
      ...repeated,
      'k8s.cronjob.name': 'Name of the CronJob that made it.',
      'k8s.job.reason': 'Reason, such as `BackoffLimitExceeded`.',
      'k8s.job.message': 'Message of its controller, without secrets.',
      'k8s.job.failed_pods': 'Pods that failed.',
      'k8s.job.started_at': 'When it was started. ISO 8601.',
    },
  }),
  autoscalerLimited: event({
    name: 'k8s.hpa.limited',
    severity: 'warning',
    description: `An autoscaler needs more pods than its maximum. ${SAMPLED}`,
    attributes: autoscalerCondition,
  }),
  autoscalerUnable: event({
    name: 'k8s.hpa.unable_to_scale',
    severity: 'warning',
    description: `An autoscaler cannot read its metrics, or cannot scale its target. ${SAMPLED}`,
    attributes: autoscalerCondition,
  }),
  autoscalerChanged: event({
    name: 'k8s.hpa.changed',
    severity: 'info',
    description: 'The bounds or the target of an autoscaler were changed.',
    attributes: { ...autoscaler, ...settings },
  }),
}
