import { containerAttributes } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'
import { signals } from '../signals.ts'

/** An event of the engine, with what its text means. */
export interface Message {
  readonly event: EngineEvent
  /** Stable: the same for an event that is read twice. */
  readonly id: string
  readonly at: Date
  readonly action: string
  /** What follows the action, such as the verdict of `health_status: unhealthy`. */
  readonly detail: string
}

/** Reads an event of the engine. */
export function messageOf(event: EngineEvent): Message {
  const [action = '', detail = ''] = event.action.split(': ', 2)
  return {
    event,
    id: `docker/${event.timeNano}/${event.actor.replace(/^sha256:/, '').slice(0, 64)}/${action}`,
    at: new Date(Number(BigInt(event.timeNano) / 1_000_000n)),
    action,
    detail,
  }
}

/** Which container, as the event itself or else the inventory knows it: after a rename the event knows better. */
export function whichContainer({ event }: Message, { inventory }: DockerClient) {
  const known = inventory.lastKnown(event.actor)
  const name = event.attributes.name ?? known?.name ?? event.actor
  return containerAttributes({ id: event.actor, name, labels: known?.labels ?? event.attributes })
}

/** What every event of a container says, and more attributes. */
export function occurrence<More extends object>(message: Message, client: DockerClient, what: string, more: More) {
  const which = whichContainer(message, client)
  return {
    id: message.id,
    at: message.at,
    entity: signals.container.reference(message.event.actor),
    body: `Container ${which['container.name']} ${what}`,
    attributes: { ...which, ...more },
  }
}

/** The container as it is now, or was when it was last seen: an event is told even where the engine has gone. */
export async function lookAt(
  id: string,
  { inventory }: DockerClient,
  signal: AbortSignal,
): Promise<ContainerDetails | undefined> {
  return (await inventory.inspect(id, signal).catch(() => undefined)) ?? inventory.lastKnown(id)
}
