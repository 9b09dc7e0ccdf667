import type { Event } from '@rca/core/connector'
import { compareShapes, type Difference } from '../changes/compare-specs.ts'
import { type ContainerShape, placeOf, shapeOf } from '../changes/container-spec.ts'
import { containerAttributes, imageAttributes } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, ImageDetails } from '../engine/engine-api.ts'
import { signals } from '../signals.ts'
import { lookAt, type Message } from './engine-message.ts'

/** What differs between a container and the one that had its place before; nothing where there was none or all is the same. */
export async function describeChange(
  message: Message,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Event | undefined> {
  const { history, inventory, keyedHash } = client
  const container = await lookAt(message.event.actor, client, signal)
  if (container === undefined) return undefined
  const place = placeOf(container)
  const before = history.shapeIn(place)
  const after = shapeOf(container, keyedHash)
  history.keepShape(place, after)
  const difference = before === undefined ? undefined : compareShapes(before, after)
  if (before === undefined || difference === undefined) return undefined
  const imageBy = (id: string): Promise<ImageDetails | undefined> => inventory.image(id, signal).catch(() => undefined)
  const images = { before: await imageBy(before.imageId), after: await imageBy(after.imageId) }
  return changed(container, message, before, difference, images)
}

function changed(
  container: ContainerDetails,
  { id, at }: Message,
  before: ContainerShape,
  { fields, environment, limits, mounts, ports, settings }: Difference,
  images: { readonly before: ImageDetails | undefined; readonly after: ImageDetails | undefined },
): Event {
  const isOther = before.id !== container.id
  const verb = isOther ? 'was recreated' : 'was updated'
  return signals.containerChanged.event({
    id: `${id}/changed`,
    at,
    entity: signals.container.reference(container.id),
    body: `Container ${container.name} ${verb}: ${summary(before, container, fields)}`,
    attributes: {
      ...containerAttributes(container),
      ...imageAttributes(container, images.after),
      'change.fields': fields,
      'change.previous_container_id': isOther ? before.id : undefined,
      ...(fields.includes('image') && {
        'change.image.old': before.image,
        'change.image.new': container.image,
        'change.image.old_id': before.imageId,
        'change.image.new_id': container.imageId,
        'change.image.old_digests': some(images.before?.digests),
        'change.image.new_digests': some(images.after?.digests),
      }),
      'change.environment.added': some(environment.added),
      'change.environment.removed': some(environment.removed),
      'change.environment.changed': some(environment.changed),
      'change.limits': some(limits),
      'change.mounts.added': some(mounts.added),
      'change.mounts.removed': some(mounts.removed),
      'change.ports.added': some(ports.added),
      'change.ports.removed': some(ports.removed),
      'change.settings': some(settings),
    },
  })
}

/** Empty lists are left out. */
function some(list: readonly string[] | undefined): readonly string[] | undefined {
  return list?.length === 0 ? undefined : list
}

function summary(before: ContainerShape, after: ContainerDetails, fields: readonly string[]): string {
  const others = fields.filter((field) => field !== 'image').join(', ')
  if (!fields.includes('image')) return `${others} changed`
  const images =
    before.image === after.image ? `${after.image} is another image now` : `${before.image} → ${after.image}`
  return others === '' ? images : `${images}; ${others} changed`
}
