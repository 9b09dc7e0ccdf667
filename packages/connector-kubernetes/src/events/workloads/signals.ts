import { helm, inNamespace, workload } from '../../kinds/common-signals.ts'
import { error, fields, info, repeated, SAMPLED, settings, warning, writer } from '../event-declarations.ts'

const difference = {
  ...fields,
  ...settings,
  'change.images': 'Images, each as `app: shop/web:1 → shop/web:2`.',
  'change.containers.added': 'Containers that were added, as `name=image`.',
  'change.containers.removed': 'Containers that were removed, as `name=image`.',
  'change.resources': 'Requests and limits, each as `app limits.memory: 512Mi → 1Gi`.',
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
  'change.rollback_to': 'The earlier revision whose template the workload has again, as after `kubectl rollout undo`.',
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

const availability = { ...workload, ...helm, ...revision, ...replicas }

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
  workloadCreated: info(
    'k8s.workload.created',
    'A workload was created. Jobs and ReplicaSets only if no other workload made them.',
    {
      ...workload,
      ...helm,
      ...writer,
      'k8s.workload.images': 'Images of its containers, as `name=image`.',
      'k8s.workload.replicas.desired': 'Desired pods.',
    },
  ),
  workloadDeleted: warning(
    'k8s.workload.deleted',
    'A workload was deleted. Not reported for Jobs, and for workloads that are deleted with their namespace.',
    { ...workload, ...helm, 'k8s.workload.replicas.desired': 'Desired pods before the deletion.' },
  ),
  workloadChanged: warning(
    'k8s.workload.changed',
    'The specification of a workload was changed, or the workload was deleted and replaced by another one of its name: its pods are replaced, or treated in another way. For a workload that cannot be watched itself, such as a Rollout of Argo, the change is read from the revisions of its ReplicaSets, and the entity is the ReplicaSet that is desired now.',
    { ...workload, ...helm, ...writer, ...difference, ...generation, ...revision },
  ),
  workloadScaled: info('k8s.workload.scaled', 'The desired number of pods of a workload was changed.', {
    ...workload,
    ...helm,
    ...writer,
    ...generation,
    'k8s.hpa.name': 'Autoscaler that changed the number of pods.',
    'k8s.hpa.reason': 'Reason of the autoscaler, such as `All metrics below target`.',
    'change.replicas.old': 'Desired pods before.',
    'change.replicas.new': 'Desired pods now.',
  }),
  rolloutStuck: error(
    'k8s.workload.rollout_stuck',
    'The rollout of a Deployment does not progress within its deadline, or that of a StatefulSet or DaemonSet within ten minutes. Carries the evidence.',
    {
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
  ),
  rolloutCompleted: info(
    'k8s.workload.rollout_completed',
    'All pods of a workload have its newest template and are available.',
    {
      ...workload,
      ...helm,
      ...generation,
      ...revision,
      ...replicas,
      'step.change_id':
        'Id of the event `k8s.workload.changed` that this rollout is a step of, unless the rollout was stuck.',
    },
  ),
  workloadUnavailable: error('k8s.workload.unavailable', `A workload has lost its last available pod. ${SAMPLED}`, {
    ...availability,
    ...repeated,
  }),
  workloadAvailable: info(
    'k8s.workload.available',
    'A workload that had no available pod has one again.',
    availability,
  ),
  jobFailed: error(
    'k8s.job.failed',
    `A Job has failed and is not retried. ${SAMPLED} Jobs of a CronJob count together.`,
    {
      ...workload,
      ...repeated,
      'k8s.cronjob.name': 'Name of the CronJob that made it.',
      'k8s.job.reason': 'Reason, such as `BackoffLimitExceeded`.',
      'k8s.job.message': 'Message of its controller, without secrets.',
      'k8s.job.failed_pods': 'Pods that failed.',
      'k8s.job.failed_indexes': 'Indexes of an indexed Job that failed, as `1,3-5`.',
      'k8s.job.started_at': 'When it was started. ISO 8601.',
    },
  ),
  autoscalerLimited: warning(
    'k8s.hpa.limited',
    `An autoscaler needs more pods than its maximum. ${SAMPLED}`,
    autoscalerCondition,
  ),
  autoscalerUnable: warning(
    'k8s.hpa.unable_to_scale',
    `An autoscaler cannot read its metrics, or cannot scale its target. ${SAMPLED}`,
    autoscalerCondition,
  ),
  autoscalerChanged: info('k8s.hpa.changed', 'The bounds or the target of an autoscaler were changed.', {
    ...autoscaler,
    ...settings,
  }),
}
