import type { EntityReference } from '@rca/core/connector'
import type { ContainerDetails, ContainerMount, ContainerPort, ImageDetails } from './engine/engine-api.ts'

/** The compose project and service of a container, where compose made it. */
export interface ComposeService {
  readonly project: string
  readonly service: string
  /** Which of several containers of the service. */
  readonly number: string
}

/** Compose's labels (docs.docker.com/compose). */
export function composeServiceOf(labels: Readonly<Record<string, string>>): ComposeService | undefined {
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  if (!project || !service) return undefined
  return { project, service, number: labels['com.docker.compose.container-number'] ?? '1' }
}

/** Names of volumes are unique on one engine only. */
export function volumeId(engine: EntityReference, name: string): string {
  return `${engine.id}/${name}`
}

/** Names of compose projects are unique on one engine only. Leads to the project without a service. */
export function composeId(engine: EntityReference, { project, service }: Partial<ComposeService>): string {
  return [engine.id, project, service].filter((part) => part !== undefined).join('/')
}

/** Which container: what stands in entities and events alike. */
export function containerAttributes({ id, name, labels }: Pick<ContainerDetails, 'id' | 'name' | 'labels'>) {
  const compose = composeServiceOf(labels)
  return {
    'container.id': id,
    'container.name': name,
    'container.runtime': 'docker',
    'docker.compose.project': compose?.project,
    'docker.compose.service': compose?.service,
  }
}

/** Which image. */
export function imageAttributes(
  { image, imageId }: Pick<ContainerDetails, 'image' | 'imageId'>,
  details?: ImageDetails,
) {
  return {
    'container.image.name': image,
    'container.image.id': imageId,
    'container.image.tags': details?.tags,
    'container.image.repo_digests': details?.digests,
  }
}

/** `NAME=value` → `NAME`, in order. */
export function environmentNames(environment: readonly string[]): string[] {
  return [...new Set(environment.map((variable) => variable.split('=', 1)[0] ?? ''))].filter(Boolean).toSorted()
}

/** `0.0.0.0:8080->80/tcp`, as `docker ps` writes it. */
export function describePort({ container, host }: ContainerPort): string {
  return host === undefined ? container : `${host}->${container}`
}

/** `volume:data:/var/lib/data:rw` */
export function describeMount({ type, name, source, destination, writable }: ContainerMount): string {
  return [type, name ?? source ?? '', destination, writable ? 'rw' : 'ro'].join(':')
}
