import { event } from '@rca/core/connector'
import { helm, inNamespace, workload } from '../../kinds/common-signals.ts'
import { again, fields, settings, writer } from '../change-attributes.ts'

const difference = {
  ...fields,
  ...settings,
  'change.images': 'Images, each as `app: shop/web:1 → shop/web:2`.',
  'change.containers.added': 'Containers that came, as `name=image`.',
  'change.containers.removed': 'Containers that went, as `name=image`.',
  'change.resources': 'Requests and limits, each as `app limits.memory: 536870912 → 1073741824`.',
  'change.environment.added': 'Variables that came, as `app/NAME`.',
  'change.environment.removed': 'Variables that went.',
  'change.environment.changed': 'Variables whose value changed. Values are never told.',
  'change.environment_from.added': 'ConfigMaps and Secrets that became variables, as `app/configMap/web`.',
  'change.environment_from.removed': 'Those that are none any more.',
  'change.commands': 'Containers whose command or arguments changed.',
  'change.probes':
    'Probes, each as `app readiness: http :8080/ready → http :8080/health` or `app liveness period: 5 → 10`.',
  'change.mounts.added': 'What is mounted now, as `configMap/web`, `secret/tls` or `claim/data`.',
  'change.mounts.removed': 'What is mounted no more.',
  'change.annotations': 'Names of annotations of the pods that came, went or changed, such as `checksum/config`.',
  'change.restart': 'Whether it was asked to restart, as by `kubectl rollout restart`.',
}

const generation = { 'k8s.workload.generation': 'Counts what authors changed.' }
const revision = { 'k8s.workload.revision': 'Revision that is wanted, as far as it is known.' }

/** How many pods it has. */
const replicas = {
  'k8s.workload.replicas.desired': 'Pods that are wanted.',
  'k8s.workload.replicas.updated': 'Pods that are as the newest template wants them.',
  'k8s.workload.replicas.ready': 'Pods that are ready.',
  'k8s.workload.replicas.available': 'Pods that are available.',
}

/** What is done to workloads, and how they take it. */
export const workloadEvents = {
  workloadCreated: event({
    name: 'k8s.workload.created',
    severity: 'info',
    description: 'A workload was created. Jobs and ReplicaSets only where nothing else made them.',
    attributes: {
      ...workload,
      ...helm,
      ...writer,
      'k8s.workload.images': 'Images of its containers, as `name=image`.',
      'k8s.workload.replicas.desired': 'Pods that are wanted.',
    },
  }),
  workloadDeleted: event({
    name: 'k8s.workload.deleted',
    severity: 'warning',
    description: 'A workload was deleted. Not told of Jobs, and of those that go with their namespace.',
    attributes: { ...workload, ...helm, 'k8s.workload.replicas.desired': 'Pods that were wanted.' },
  }),
  workloadChanged: event({
    name: 'k8s.workload.changed',
    severity: 'warning',
    description:
      'What a workload is to be was changed: its pods are replaced, or treated in another way. Of one that is not seen itself, such as a Rollout of Argo, the revisions of its ReplicaSets tell, and the entity is the ReplicaSet that is wanted now.',
    attributes: { ...workload, ...helm, ...writer, ...difference, ...generation, ...revision },
  }),
  workloadScaled: event({
    name: 'k8s.workload.scaled',
    severity: 'info',
    description: 'Another number of pods is wanted of a workload.',
    attributes: {
      ...workload,
      ...helm,
      ...writer,
      ...generation,
      'k8s.hpa.name': 'Autoscaler that has a say in it.',
      'change.replicas.old': 'Pods that were wanted.',
      'change.replicas.new': 'Pods that are wanted now.',
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
      'k8s.workload.message': 'What the controller says of it, without secrets.',
      'k8s.workload.replica_failure': 'Why pods cannot be made at all, such as a quota, without secrets.',
      'k8s.workload.pods.waiting': 'Why the newest pods are not ready, each as `ImagePullBackOff: 3`.',
      'k8s.workload.pods.message': 'What is said of one of them, without secrets.',
    },
  }),
  rolloutCompleted: event({
    name: 'k8s.workload.rollout_completed',
    severity: 'info',
    description: 'All pods of a workload are as it was last changed to, and available.',
    attributes: { ...workload, ...helm, ...generation, ...revision, ...replicas },
  }),
  workloadUnavailable: event({
    name: 'k8s.workload.unavailable',
    severity: 'error',
    description: 'The last available pod of a workload is none any more.',
    attributes: { ...workload, ...helm, ...revision, ...replicas, ...again },
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
    description: 'A Job has failed and is not tried again.',
    attributes: {
      ...workload,
      ...again,
      'k8s.cronjob.name': 'Name of the CronJob that made it.',
      'k8s.job.reason': 'Why, such as `BackoffLimitExceeded`.',
      'k8s.job.message': 'What the controller says of it, without secrets.',
      'k8s.job.failed_pods': 'Pods that failed.',
      'k8s.job.started_at': 'When it was started. ISO 8601.',
    },
  }),
}

const autoscaler = {
  ...inNamespace,
  'k8s.hpa.name': 'Name of the autoscaler.',
  'k8s.hpa.target': 'What it scales, as `Deployment/web`.',
  'k8s.hpa.replicas.min': 'Least pods that it may want.',
  'k8s.hpa.replicas.max': 'Most pods that it may want.',
}
const autoscalerCondition = {
  ...autoscaler,
  ...again,
  'k8s.hpa.replicas.current': 'Pods that there are.',
  'k8s.hpa.replicas.desired': 'Pods that it wants.',
  'k8s.hpa.reason': 'Why, in a word.',
  'k8s.hpa.message': 'What the controller says of it, without secrets.',
}

/** How autoscalers fare. */
export const autoscalerEvents = {
  autoscalerLimited: event({
    name: 'k8s.hpa.limited',
    severity: 'warning',
    description: 'An autoscaler wants more pods than it may have.',
    attributes: autoscalerCondition,
  }),
  autoscalerUnable: event({
    name: 'k8s.hpa.unable_to_scale',
    severity: 'warning',
    description: 'An autoscaler cannot read its metrics, or cannot scale its target.',
    attributes: autoscalerCondition,
  }),
  autoscalerChanged: event({
    name: 'k8s.hpa.changed',
    severity: 'info',
    description: 'The bounds or the target of an autoscaler were changed.',
    attributes: { ...autoscaler, ...settings },
  }),
}
