import { type Event, event } from '@rca/core/connector'
import {
  type ContainerSpec,
  compareSpecs,
  hasInheritedCompose,
  isReplacementName,
  nameSlotOf,
  type SpecDifference,
  slotOf,
  specOf,
  swarmSlotOf,
} from '../changes/container-spec.ts'
import { describeDifference } from '../changes/describe-difference.ts'
import { containerSignals } from '../collectors/containers.ts'
import {
  containerAttributeNames,
  containerAttributes,
  imageAttributeNames,
  imageAttributes,
} from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, ImageDetails } from '../engine/engine-api.ts'
import { type EngineMessage, inspectOrLastKnown } from './engine-message.ts'

export const changeSignals = {
  containerChanged: event({
    name: 'container.changed',
    severity: 'warning',
    description:
      'A container replaced another of the same name or Compose service with a different configuration, or its limits were updated.',
    attributes: {
      ...containerAttributeNames,
      ...imageAttributeNames,
      'change.fields':
        'Changed fields: `image`, `command`, `limits`, `environment`, `mounts`, `ports`, `restart_policy`, …',
      'change.previous_container_id': 'Id of the previous container.',
      'change.steps':
        'Ids of earlier events that are steps of a replacement, such as the removal of the previous container.',
      'change.image.old': 'Previous image.',
      'change.image.new': 'Current image.',
      'change.image.old_id': 'Digest of the previous image’s configuration.',
      'change.image.new_id': 'Digest of the current image’s configuration.',
      'change.image.old_digests': 'Digests of the previous image in registries.',
      'change.image.new_digests': 'Digests of the current image in registries.',
      'change.environment.added': 'Names of added variables.',
      'change.environment.removed': 'Names of removed variables.',
      'change.environment.changed': 'Names of variables with a changed value.',
      'change.limits': 'Changed limits, as `memory: 512 → 1024`.',
      'change.mounts.added': 'Added mounts.',
      'change.mounts.removed': 'Removed mounts.',
      'change.ports.added': 'Added ports.',
      'change.ports.removed': 'Removed ports.',
      'change.settings': 'Other changed settings, as `restart_policy: no → always`.',
    },
  }),
}

/** Compares a container with its predecessor. Returns `undefined` without a predecessor or a difference. */
export async function describeChange(
  message: EngineMessage,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Event | undefined> {
  const { history, inventory, keyedHash } = client
  const container = await inspectOrLastKnown(message.raw.actor, client, signal)
  const reported = history.ofContainer(message.raw.actor)
  reported.isUncompared = container === undefined
  if (container === undefined) return undefined
  const slot = await takenSlot(container, client, signal)
  const before = history.specIn(slot)
  const after = specOf(container, keyedHash)
  history.keepSpec(slot, after)
  const difference = before === undefined ? undefined : compareSpecs(before, after)
  if (before === undefined || difference === undefined) return undefined
  const imageBy = (id: string): Promise<ImageDetails | undefined> => inventory.image(id, signal).catch(() => undefined)
  const images = { before: await imageBy(before.imageId), after: await imageBy(after.imageId) }
  return changedEvent(container, message, before, difference, images)
}

/** Records the configuration of every container, so that later changes can be detected. */
export async function recordSpecs(
  containers: readonly ContainerDetails[],
  client: DockerClient,
  signal: AbortSignal,
): Promise<void> {
  const { history, keyedHash } = client
  // In order of their creation, so that the first one has a slot that several claim.
  for (const container of containers.toSorted((one, other) => (one.created < other.created ? -1 : 1))) {
    const slot = await takenSlot(container, client, signal)
    if (history.specIn(slot) === undefined) history.keepSpec(slot, specOf(container, keyedHash))
  }
}

/**
 * Returns the slot that a container takes over: that of its name, if the Compose labels come from its image, or if the
 * Compose service still has the container of the same number.
 */
async function takenSlot(
  container: ContainerDetails,
  { history, inventory }: DockerClient,
  signal: AbortSignal,
): Promise<string> {
  const [slot, nameSlot] = [slotOf(container), nameSlotOf(container)]
  // Swarm keeps the containers of former tasks for a while.
  if (swarmSlotOf(container.labels) !== undefined) return slot
  if (slot === nameSlot || history.specIn(nameSlot)?.id === container.id) return nameSlot
  const image = await inventory.image(container.imageId, signal).catch(() => undefined)
  if (image !== undefined && hasInheritedCompose(container.labels, image.labels)) return nameSlot
  const holder = history.specIn(slot)
  if (holder === undefined || holder.id === container.id || history.isRemoved(holder.id)) return slot
  const name = inventory.lastKnown(holder.id)?.name
  return name === undefined || isReplacementName(container.name, name) ? slot : nameSlot
}

function changedEvent(
  container: ContainerDetails,
  { id, at }: EngineMessage,
  before: ContainerSpec,
  difference: SpecDifference,
  images: { readonly before: ImageDetails | undefined; readonly after: ImageDetails | undefined },
): Event {
  const { fields, environment, limits, mounts, ports, settings } = difference
  const isReplaced = before.id !== container.id
  const verb = isReplaced ? 'was recreated' : 'was updated'
  return changeSignals.containerChanged.event({
    id: `${id}/changed`,
    at,
    entity: containerSignals.container.reference(container.id),
    body: `Container ${container.name} ${verb}: ${describeDifference(before, container, difference)}`,
    attributes: {
      ...containerAttributes(container),
      ...imageAttributes(container, images.after),
      'change.fields': fields,
      'change.previous_container_id': isReplaced ? before.id : undefined,
      ...(fields.includes('image') && {
        'change.image.old': before.image,
        'change.image.new': container.image,
        'change.image.old_id': before.imageId,
        'change.image.new_id': container.imageId,
        'change.image.old_digests': nonEmpty(images.before?.digests),
        'change.image.new_digests': nonEmpty(images.after?.digests),
      }),
      'change.environment.added': nonEmpty(environment.added),
      'change.environment.removed': nonEmpty(environment.removed),
      'change.environment.changed': nonEmpty(environment.changed),
      'change.limits': nonEmpty(limits),
      'change.mounts.added': nonEmpty(mounts.added),
      'change.mounts.removed': nonEmpty(mounts.removed),
      'change.ports.added': nonEmpty(ports.added),
      'change.ports.removed': nonEmpty(ports.removed),
      'change.settings': nonEmpty(settings),
    },
  })
}

/** Maps an empty list to `undefined`. */
function nonEmpty(list: readonly string[] | undefined): readonly string[] | undefined {
  return list?.length === 0 ? undefined : list
}
