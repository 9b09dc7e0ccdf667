import { type Event, event } from '@rca/core/connector'
import { networkSignals } from '../collectors/networks.ts'
import { volumeSignals } from '../collectors/volumes.ts'
import { containerAttributes, volumeId } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import { stepAttributeNames } from './change-steps.ts'
import { type EngineMessage, inspectOrLastKnown } from './engine-message.ts'
import { describeImageDrift } from './image-drift.ts'
import { describeStartFailure } from './start-failure.ts'

export const resourceSignals = {
  imagePulled: event({
    name: 'docker.image.pulled',
    severity: 'info',
    description: 'An image was pulled.',
    attributes: { 'container.image.name': 'Reference of the image.' },
  }),
  imageTagged: event({
    name: 'docker.image.tagged',
    severity: 'info',
    description: 'A tag was added to, or removed from, an image.',
    attributes: {
      'container.image.name': 'The tag, when the engine reports it.',
      'container.image.id': 'Digest of the image’s configuration.',
      'docker.action': '`tag` or `untag`.',
    },
  }),
  imageDeleted: event({
    name: 'docker.image.deleted',
    severity: 'info',
    description: 'An image was deleted.',
    attributes: { 'container.image.id': 'Digest of the image’s configuration.' },
  }),
  networkChanged: event({
    name: 'docker.network.changed',
    severity: 'info',
    description: 'A network was created or removed, or a container connected or disconnected.',
    attributes: {
      ...stepAttributeNames,
      'docker.network.name': 'Name of the network.',
      'docker.action': '`create`, `destroy`, `connect` or `disconnect`.',
    },
  }),
  volumeChanged: event({
    name: 'docker.volume.changed',
    severity: 'info',
    description: 'A volume was created or removed.',
    attributes: { 'docker.volume.name': 'Name of the volume.', 'docker.action': '`create` or `destroy`.' },
  }),
}

type Describe = (
  message: EngineMessage,
  client: DockerClient,
  signal: AbortSignal,
) => Event | undefined | Promise<Event | undefined>

/** Reported events of images, networks and volumes, by `type/action`. */
const DESCRIBERS: ReadonlyMap<string, Describe> = new Map(
  Object.entries<Describe>({
    'image/pull': ({ id, at, raw }, { entity }) => {
      const name = raw.actor
      return resourceSignals.imagePulled.event({
        id,
        at,
        entity,
        body: `Image ${name} was pulled`,
        attributes: { 'container.image.name': name },
      })
    },
    'image/tag': tagged,
    'image/untag': tagged,
    'image/delete': ({ id, at, raw }, { entity }) =>
      resourceSignals.imageDeleted.event({
        id,
        at,
        entity,
        body: `Image ${raw.actor} was deleted`,
        attributes: { 'container.image.id': raw.actor },
      }),
    'network/create': network,
    'network/destroy': network,
    'network/connect': network,
    'network/disconnect': network,
    'volume/create': volume,
    'volume/destroy': volume,
  }),
)

/** Updates the inventory at once. Returns a function that builds the events, or `undefined` for an unreported event. */
export function handleResourceEvent(
  message: EngineMessage,
  client: DockerClient,
): ((signal: AbortSignal) => Promise<readonly (Event | undefined)[]>) | undefined {
  const { raw, action, at } = message
  if (raw.type === 'image') client.inventory.markImagesChanged()
  const { container } = raw.attributes
  // An inspection of a container includes its networks.
  if (raw.type === 'network' && container !== undefined) {
    client.inventory.markChanged(container)
    // A start begins with a connection: its error is new, even if it is the same.
    if (action === 'connect') client.history.ofContainer(container).startError = undefined
    if (!client.history.recordConnection(container, raw.actor, action, at)) return undefined
  }
  if (raw.type === 'volume' && action === 'destroy') client.history.volumes.remove(raw.actor)
  const describe = DESCRIBERS.get(`${raw.type}/${action}`)
  if (describe === undefined) return undefined
  // During a restart loop, connections and disconnections are counted with the exits.
  const isCounted = container !== undefined && client.history.isInRestartLoop(container, at)
  if (raw.type === 'image')
    return async (signal) => [
      await describe(message, client, signal),
      ...(await describeImageDrift(message, client, signal)),
    ]
  return async (signal) => [
    isCounted ? undefined : await describe(message, client, signal),
    await describeStartFailure(message, client, signal),
  ]
}

async function tagged(
  { id, at, action, raw }: EngineMessage,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Event> {
  const name = await tagName(raw, client, signal)
  return resourceSignals.imageTagged.event({
    id,
    at,
    entity: client.entity,
    body: `Image ${name ?? raw.actor} was ${action === 'tag' ? 'tagged' : 'untagged'}`,
    attributes: { 'container.image.name': name, 'container.image.id': raw.actor, 'docker.action': action },
  })
}

/**
 * Returns the tag of an event. For a removed one, some engines report only the image: its id as the name, or no name,
 * so that a label `name` of the image, as those of Red Hat have, is in its place.
 */
async function tagName(
  { actor, attributes: { name } }: EngineMessage['raw'],
  { engine }: DockerClient,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (name === undefined || name === actor) return undefined
  const image = await engine.image(actor, signal).catch(() => undefined)
  return image?.labels.name === name && !image.tags.includes(name) ? undefined : name
}

async function network(
  { id, at, action, raw }: EngineMessage,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Event | undefined> {
  const { name = raw.actor, container } = raw.attributes
  const { lastKnown, isIncluded } = client.inventory
  const known =
    container === undefined
      ? undefined
      : (lastKnown(container) ?? (await inspectOrLastKnown(container, client, signal)))
  if (known !== undefined && !isIncluded(known.name)) return undefined
  const suffix = known === undefined ? '' : `: container ${known.name}`
  return resourceSignals.networkChanged.event({
    id,
    at,
    entity: networkSignals.network.reference(raw.actor),
    body: `Network ${name}, ${action}${suffix}`,
    attributes: {
      'docker.network.name': name,
      'docker.action': action,
      ...(known === undefined ? { 'container.id': container } : containerAttributes(known)),
    },
  })
}

/** Difference between the time of a creation and that of its event: engines round the former to seconds. */
const MAX_CREATION_DELAY_MS = 3_000

/** Engines also report the creation of a volume that exists, each time a container uses it by name. */
async function isCreation({ raw, at }: EngineMessage, client: DockerClient, signal: AbortSignal): Promise<boolean> {
  if (client.history.volumes.createdAt(raw.actor) === undefined) await recordVolumes(client, signal)
  const createdAt = client.history.volumes.createdAt(raw.actor) ?? at.getTime()
  client.history.volumes.keep(raw.actor, createdAt)
  return createdAt >= at.getTime() - MAX_CREATION_DELAY_MS
}

/** Records the creation times of all volumes. Does not reject when the engine does not answer. */
export async function recordVolumes({ engine, history }: DockerClient, signal: AbortSignal): Promise<void> {
  const volumes = await engine.volumes(signal).catch(() => [])
  for (const { name, created = '' } of volumes)
    if (!Number.isNaN(Date.parse(created))) history.volumes.keep(name, Date.parse(created))
}

async function volume(message: EngineMessage, client: DockerClient, signal: AbortSignal): Promise<Event | undefined> {
  const { id, at, action, raw } = message
  const { entity } = client
  if (action === 'create' && !(await isCreation(message, client, signal))) return undefined
  return resourceSignals.volumeChanged.event({
    id,
    at,
    entity: volumeSignals.volume.reference(volumeId(entity, raw.actor)),
    body: `Volume ${raw.actor} was ${action === 'create' ? 'created' : 'removed'}`,
    attributes: { 'docker.volume.name': raw.actor, 'docker.action': action },
  })
}
