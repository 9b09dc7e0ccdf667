/** Where an object is. */
export const inNamespace = { 'k8s.namespace.name': 'Name of the namespace.' }

/** Which pod. */
export const pod = {
  ...inNamespace,
  'k8s.pod.name': 'Name of the pod.',
  'k8s.pod.uid': 'Uid of the pod.',
  'k8s.node.name': 'Name of the node on which it runs.',
}

/** Which container of a pod. */
export const container = {
  ...pod,
  'k8s.container.name': 'Name of the container in its pod.',
  'container.id': 'Id that the runtime gives the newest run.',
  'container.image.name': 'Image as the pod names it.',
  'container.image.id': 'Digest of the image that really runs.',
}

/** Which workload. */
export const workload = {
  ...inNamespace,
  'k8s.workload.kind':
    '`Deployment`, `StatefulSet`, `DaemonSet`, `ReplicaSet`, `Job`, `CronJob`, or a kind of an extension, such as `Rollout`.',
  'k8s.workload.name': 'Name of the workload.',
}

/** What a Helm release made says so. */
export const helm = {
  'k8s.helm.release': 'Helm release that it is part of.',
  'k8s.helm.chart': 'Chart and version of that release, as `shop-1.2.3`.',
}

/** Whom what is made by workloads belongs to. */
export const owner = { owned_by: 'The workload that made it, or else the namespace.' }

/** Attributes that objects of all kinds have. */
export function common<const Kind extends string>(kind: Kind) {
  return {
    [`k8s.${kind}.name`]: 'Its name.',
    [`k8s.${kind}.uid`]: 'Its uid.',
    [`k8s.${kind}.created`]: 'When it was created. ISO 8601.',
    [`k8s.${kind}.label.*`]: 'Its labels, as far as `object_labels` lets them through.',
  } as { readonly [Part in 'name' | 'uid' | 'created' | 'label.*' as `k8s.${Kind}.${Part}`]: string }
}
