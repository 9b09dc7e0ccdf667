import type { EntityReference } from '@rca/core/connector'
import { composeServiceOf } from './compose.ts'
import type { ContainerDetails, ContainerMount, ContainerPort, ImageDetails } from './engine/engine-api.ts'

/** Declares the attributes that identify a container, in its entity and in every event about it. */
export const containerAttributeNames = {
  'container.id': 'Full id of the container.',
  'container.name': 'Name of the container.',
  'container.runtime': '`docker`.',
  'docker.compose.project': 'Name of the Compose project.',
  'docker.compose.service': 'Name of the Compose service.',
}

export const imageAttributeNames = {
  'container.image.name': 'Reference from which the container was created, or the image’s first reference.',
  'container.image.tags': 'Tags of the image.',
  'container.image.id': 'Digest of the image’s configuration.',
  'container.image.repo_digests': 'Digests of the image in registries, as `repository@sha256:…`.',
}

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

/** Returns the attributes that identify a container's image. Tags and digests need `details`. */
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

/** Builds the entity id of a volume. Volume names are unique within one engine only. */
export function volumeId(engine: EntityReference, name: string): string {
  return `${engine.id}/${name}`
}

/** Returns the names of variables written as `NAME=value`, sorted and without duplicates. */
export function environmentNames(environment: readonly string[]): string[] {
  return [...new Set(environment.map((variable) => variable.split('=', 1)[0] ?? ''))].filter(Boolean).toSorted()
}

/** Formats a port as `docker ps` does: `0.0.0.0:8080->80/tcp`. */
export function describePort({ container, host }: ContainerPort): string {
  return host === undefined ? container : `${host}->${container}`
}

/** Formats a mount as `volume:data:/var/lib/data:rw`. */
export function describeMount({ type, name, source, destination, writable }: ContainerMount): string {
  return [type, name ?? source ?? '', destination, writable ? 'rw' : 'ro'].join(':')
}
