import { containerSignals } from '../collectors/containers.ts'
import { containerAttributes, imageAttributes } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'

/** An engine event with its parsed time and action. */
export interface EngineMessage {
  readonly raw: EngineEvent
  /** Stable: the same each time the event is read. */
  readonly id: string
  readonly at: Date
  readonly action: string
  /** Text after the action, such as `unhealthy` in `health_status: unhealthy`. */
  readonly detail: string
}

export function parseMessage(raw: EngineEvent): EngineMessage {
  const [action = '', detail = ''] = raw.action.split(': ', 2)
  return {
    raw,
    id: `docker/${raw.timeNano}/${raw.actor.replace(/^sha256:/, '').slice(0, 64)}/${action}`,
    at: new Date(Number(BigInt(raw.timeNano) / 1_000_000n)),
    action,
    detail,
  }
}

/** Returns the attributes of the event's container. After a rename, the event has the newer name. */
export function attributesOf({ raw }: EngineMessage, { inventory }: DockerClient) {
  const known = inventory.lastKnown(raw.actor)
  const name = raw.attributes.name ?? known?.name ?? raw.actor
  return containerAttributes({ id: raw.actor, name, labels: known?.labels ?? raw.attributes })
}

/** Returns the fields that every event of a container has, with further attributes. */
export function containerEventFields<More extends object>(
  message: EngineMessage,
  client: DockerClient,
  what: string,
  more: More,
) {
  const container = attributesOf(message, client)
  return {
    id: message.id,
    at: message.at,
    entity: containerSignals.container.reference(message.raw.actor),
    body: `Container ${container['container.name']} ${what}`,
    attributes: { ...container, ...more },
  }
}

/** Returns the attributes of a container's image, or only its reference when the container is unknown. */
export async function imageAttributesOf(
  { raw }: EngineMessage,
  { inventory }: DockerClient,
  container: ContainerDetails | undefined,
  signal: AbortSignal,
) {
  if (container === undefined) return { 'container.image.name': raw.attributes.image }
  return imageAttributes(container, await inventory.image(container.imageId, signal).catch(() => undefined))
}

/** Inspects a container, and falls back to its last inspection when the engine does not answer. */
export async function inspectOrLastKnown(
  id: string,
  { inventory }: DockerClient,
  signal: AbortSignal,
): Promise<ContainerDetails | undefined> {
  return (await inventory.inspect(id, signal).catch(() => undefined)) ?? inventory.lastKnown(id)
}
