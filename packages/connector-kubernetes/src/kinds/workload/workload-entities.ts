import { entity } from '@rca/core/connector'
import { common, helm, inNamespace, owner } from '../attributes.ts'

const namespace = { owned_by: 'The namespace.' }

const replicas = {
  'k8s.workload.replicas.desired': 'Pods that are wanted.',
  'k8s.workload.revision': 'Revision that is wanted.',
  'k8s.workload.paused': 'Whether its rollout is paused.',
  'k8s.workload.strategy': 'How pods are replaced: `RollingUpdate`, `Recreate` or `OnDelete`.',
  'k8s.workload.images': 'Images of its containers, as `name=image`.',
  'k8s.workload.service_account': 'Service account of its pods.',
  ...helm,
}

/** What makes pods, and what says how many. */
export const workloadEntities = {
  deployment: entity({
    type: 'k8s.deployment',
    description: 'A Deployment.',
    attributes: { ...common('deployment'), ...inNamespace, ...replicas },
    relations: owner,
  }),
  statefulSet: entity({
    type: 'k8s.statefulset',
    description: 'A StatefulSet.',
    attributes: { ...common('statefulset'), ...inNamespace, ...replicas },
    relations: owner,
  }),
  daemonSet: entity({
    type: 'k8s.daemonset',
    description: 'A DaemonSet.',
    attributes: { ...common('daemonset'), ...inNamespace, ...replicas },
    relations: owner,
  }),
  replicaSet: entity({
    type: 'k8s.replicaset',
    description: 'A ReplicaSet that has pods or wants some. Old revisions, which keep none, are left out.',
    attributes: {
      ...common('replicaset'),
      ...inNamespace,
      'k8s.workload.revision': 'Revision that it stands for of what it belongs to, such as a Deployment.',
    },
    relations: owner,
  }),
  job: entity({
    type: 'k8s.job',
    description: 'A Job.',
    attributes: {
      ...common('job'),
      ...inNamespace,
      'k8s.job.state': '`active`, `complete`, `failed` or `suspended`.',
      'k8s.job.reason': 'Why it failed.',
      'k8s.job.started_at': 'When it was started. ISO 8601.',
      'k8s.job.completed_at': 'When it was complete. ISO 8601.',
    },
    relations: owner,
  }),
  cronJob: entity({
    type: 'k8s.cronjob',
    description: 'A CronJob.',
    attributes: {
      ...common('cronjob'),
      ...inNamespace,
      'k8s.cronjob.schedule': 'When it runs, as cron writes it.',
      'k8s.cronjob.time_zone': 'Time zone of its schedule.',
      'k8s.cronjob.suspended': 'Whether it is suspended.',
      'k8s.cronjob.concurrency_policy': '`Allow`, `Forbid` or `Replace`.',
      'k8s.cronjob.last_scheduled_at': 'When it last ran. ISO 8601.',
      'k8s.cronjob.last_succeeded_at': 'When it last ran well. ISO 8601.',
      'k8s.workload.images': 'Images of its containers, as `name=image`.',
    },
    relations: owner,
  }),
  autoscaler: entity({
    type: 'k8s.hpa',
    description: 'A HorizontalPodAutoscaler.',
    attributes: {
      ...common('hpa'),
      ...inNamespace,
      'k8s.hpa.conditions': 'Its conditions, as `type=status (reason)`.',
      'k8s.hpa.last_scaled_at': 'When it last changed the number of pods. ISO 8601.',
    },
    relations: { ...namespace, scales: 'The workload whose pods it counts.' },
  }),
  disruptionBudget: entity({
    type: 'k8s.poddisruptionbudget',
    description: 'A PodDisruptionBudget.',
    attributes: { ...common('poddisruptionbudget'), ...inNamespace },
    relations: namespace,
  }),
}
