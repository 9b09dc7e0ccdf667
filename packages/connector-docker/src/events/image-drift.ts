import { type Event, event } from '@rca/core/connector'
import { containerSignals } from '../collectors/containers.ts'
import {
  containerAttributeNames,
  containerAttributes,
  imageAttributeNames,
  imageAttributes,
} from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { EngineMessage } from './engine-message.ts'

export const imageDriftSignals = {
  imageOutdated: event({
    name: 'container.image_outdated',
    severity: 'info',
    description: 'A tag was moved: a container of it runs an older image than the tag has now.',
    attributes: {
      ...containerAttributeNames,
      ...imageAttributeNames,
      'container.image.current_id': 'Digest of the configuration of the image that the tag has now.',
    },
  }),
}

/** Returns an event for each container whose tag was moved to another image by an image event. */
export async function describeImageDrift(
  { id, at }: EngineMessage,
  client: DockerClient,
  signal: AbortSignal,
): Promise<readonly Event[]> {
  const { inventory, history } = client
  const containers = await inventory.containers(signal).catch(() => [])
  const events: Event[] = []
  for (const container of containers) {
    const current = await inventory.currentImage(container, signal).catch(() => undefined)
    const isOutdated = current !== undefined && current.id !== container.imageId
    const known = history.ofContainer(container.id)
    const isReported = known.outdatedSince === current?.id
    known.outdatedSince = isOutdated ? current.id : undefined
    if (!isOutdated || isReported) continue
    events.push(
      imageDriftSignals.imageOutdated.event({
        id: `${id}/${container.id}/image_outdated`,
        at,
        entity: containerSignals.container.reference(container.id),
        body: `Container ${container.name} runs an older image than its tag ${container.image}: recreate it to run the current one`,
        attributes: {
          ...containerAttributes(container),
          ...imageAttributes(container),
          'container.image.current_id': current.id,
        },
      }),
    )
  }
  return events
}
