import type { Event } from '@rca/core/connector'
import { containerAttributes, volumeId } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import { signals } from '../signals.ts'
import { lookAt, type Message } from './engine-message.ts'
import { isLoop } from './restart-loop.ts'
import { describeStartFailure } from './start-failure.ts'

type Told = Event | undefined
type Tell = (message: Message, client: DockerClient, signal: AbortSignal) => Told | Promise<Told>

/** Events of images, networks and volumes that are told, by `type/action`. */
const TABLE: ReadonlyMap<string, Tell> = new Map(
  Object.entries<Tell>({
    'image/pull': ({ id, at, event }, { entity }) => {
      const name = event.actor
      return signals.imagePulled.event({
        id,
        at,
        entity,
        body: `Image ${name} was pulled`,
        attributes: { 'container.image.name': name },
      })
    },
    'image/tag': tagged,
    'image/untag': tagged,
    'image/delete': ({ id, at, event }, { entity }) =>
      signals.imageDeleted.event({
        id,
        at,
        entity,
        body: `Image ${event.actor} was deleted`,
        attributes: { 'container.image.id': event.actor },
      }),
    'network/create': network,
    'network/destroy': network,
    'network/connect': network,
    'network/disconnect': network,
    'volume/create': volume,
    'volume/destroy': volume,
  }),
)

/** Notes at once what an event of something else than a container changes. Returns what tells it, where it is told. */
export function noteOtherEvent(
  message: Message,
  client: DockerClient,
): ((signal: AbortSignal) => Promise<readonly Told[]>) | undefined {
  const { event, action, at } = message
  if (event.type === 'image') client.inventory.imagesChanged()
  const { container } = event.attributes
  // A container's networks are part of what is known of it.
  if (event.type === 'network' && container !== undefined) client.inventory.changed(container)
  const tell = TABLE.get(`${event.type}/${action}`)
  if (tell === undefined) return undefined
  // Without the container's own network, a loop would be told twice for every turn that is only counted.
  const isCounted = container !== undefined && isLoop(client.history.endsOf(container), at)
  return async (signal) => [
    isCounted ? undefined : await tell(message, client, signal),
    await describeStartFailure(message, client, signal),
  ]
}

function tagged({ id, at, action, event }: Message, { entity }: DockerClient): Event {
  // Of a tag that is taken away the engine says only from which image.
  const name = event.attributes.name === event.actor ? undefined : event.attributes.name
  return signals.imageTagged.event({
    id,
    at,
    entity,
    body: `Image ${name ?? event.actor} was ${action === 'tag' ? 'tagged' : 'untagged'}`,
    attributes: { 'container.image.name': name, 'container.image.id': event.actor, 'docker.action': action },
  })
}

async function network(
  { id, at, action, event }: Message,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Event | undefined> {
  const { name = event.actor, container } = event.attributes
  const { lastKnown, isWanted } = client.inventory
  const known =
    container === undefined ? undefined : (lastKnown(container) ?? (await lookAt(container, client, signal)))
  if (known !== undefined && !isWanted(known.name)) return undefined
  const who = known === undefined ? '' : `: container ${known.name}`
  return signals.networkChanged.event({
    id,
    at,
    entity: signals.network.reference(event.actor),
    body: `Network ${name}, ${action}${who}`,
    attributes: {
      'docker.network.name': name,
      'docker.action': action,
      ...(known === undefined ? { 'container.id': container } : containerAttributes(known)),
    },
  })
}

function volume({ id, at, action, event }: Message, { entity }: DockerClient): Event {
  return signals.volumeChanged.event({
    id,
    at,
    entity: signals.volume.reference(volumeId(entity, event.actor)),
    body: `Volume ${event.actor} was ${action === 'create' ? 'created' : 'removed'}`,
    attributes: { 'docker.volume.name': event.actor, 'docker.action': action },
  })
}
