import type { Pod, PodContainer } from './pod-projection.ts'

/** Returns the attributes that identify a pod in entities and events. */
export function podAttributes({ namespace, name, uid, node }: Pick<Pod, 'namespace' | 'name' | 'uid' | 'node'>) {
  return { 'k8s.namespace.name': namespace, 'k8s.pod.name': name, 'k8s.pod.uid': uid, 'k8s.node.name': node }
}

/** Returns the attributes that identify a container in entities and events. */
export function containerAttributes(
  pod: Pick<Pod, 'namespace' | 'name' | 'uid' | 'node'>,
  { name, image, status }: Pick<PodContainer, 'name' | 'image' | 'status'>,
) {
  return {
    ...podAttributes(pod),
    'k8s.container.name': name,
    // `1f2e…` for `containerd://1f2e…`.
    'container.id': status?.id?.replace(/^.*?:\/\//, ''),
    'container.image.name': image,
    'container.image.id': status?.imageId,
  }
}

/** Returns whether a pod has ended and no longer uses resources of its node. */
export function isOver({ phase }: Pick<Pod, 'phase'>): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}
