import type { Pod, PodContainer } from './pod.ts'

/** Which pod: what stands in entities and events alike. */
export function podAttributes({ namespace, name, uid, node }: Pick<Pod, 'namespace' | 'name' | 'uid' | 'node'>) {
  return { 'k8s.namespace.name': namespace, 'k8s.pod.name': name, 'k8s.pod.uid': uid, 'k8s.node.name': node }
}

/** Which container: what stands in entities and events alike. */
export function containerAttributes(
  pod: Pick<Pod, 'namespace' | 'name' | 'uid' | 'node'>,
  { name, image, status }: Pick<PodContainer, 'name' | 'image' | 'status'>,
) {
  return {
    ...podAttributes(pod),
    'k8s.container.name': name,
    'container.id': runtimeId(status?.id),
    'container.image.name': image,
    'container.image.id': status?.imageId,
  }
}

/** `containerd://1f2e…` → `1f2e…`, as the runtime itself names it. */
export function runtimeId(id: string | undefined): string | undefined {
  return id?.slice(id.indexOf('://') === -1 ? 0 : id.indexOf('://') + 3)
}

/** Whether a pod is over: it holds nothing on its node any more. */
export function isOver({ phase }: Pick<Pod, 'phase'>): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}
