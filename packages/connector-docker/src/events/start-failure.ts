import { type Event, event, redactSecrets } from '@rca/core/connector'
import { containerSignals } from '../collectors/containers.ts'
import {
  containerAttributeNames,
  containerAttributes,
  imageAttributeNames,
  imageAttributes,
} from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { type EngineMessage, inspectOrLastKnown } from './engine-message.ts'

export const startFailureSignals = {
  containerStartFailed: event({
    name: 'container.start_failed',
    severity: 'error',
    description: 'A container could not be started.',
    attributes: {
      ...containerAttributeNames,
      ...imageAttributeNames,
      'container.exit_code': 'Exit code that the engine assigned.',
      'container.error': 'Error message of the engine, without secrets.',
    },
  }),
}

const STARTED = new Set(['running', 'paused', 'restarting', 'removing'])

/**
 * Returns the event of a failed start, which the engine reports only by the disconnection from the network. The
 * container keeps the error until its next start.
 */
export async function describeStartFailure(
  { id, at, raw, action }: EngineMessage,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Event | undefined> {
  const { container: containerId } = raw.attributes
  if (raw.type !== 'network' || action !== 'disconnect' || containerId === undefined) return undefined
  const container = await inspectOrLastKnown(containerId, client, signal)
  return container && startFailureOf(container, { id: `${id}/start_failed`, at }, client, signal)
}

/** Containers that are inspected in one check. */
const MAX_INSPECTIONS = 100

/**
 * Returns the events of failed starts that the engine sends no event about: in the network of another container, where
 * none is left, and all of Podman. The containers do not record the time of the failure.
 */
export async function findStartFailures(
  containers: readonly ContainerDetails[],
  client: DockerClient,
  at: Date,
  signal: AbortSignal,
): Promise<readonly Event[]> {
  const waiting = containers.filter(
    ({ networkMode, state }) =>
      (client.info.isPodman || networkMode?.startsWith('container:') === true) && !STARTED.has(state.status),
  )
  const events: Event[] = []
  for (const { id } of waiting.slice(0, MAX_INSPECTIONS)) {
    const container = await inspectOrLastKnown(id, client, signal)
    const run = container?.state.startedAt ?? container?.created
    const event =
      container && (await startFailureOf(container, { id: `docker/${run}/${id}/start_failed`, at }, client, signal))
    if (event !== undefined) events.push(event)
  }
  return events
}

/** Returns the event of a failed start that has not been reported. */
async function startFailureOf(
  container: ContainerDetails,
  { id, at }: Pick<EngineMessage, 'id' | 'at'>,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Event | undefined> {
  if (!client.inventory.isIncluded(container.name)) return undefined
  const { error, exitCode, status } = container.state
  const history = client.history.ofContainer(container.id)
  if (error === undefined || STARTED.has(status) || history.startError === error) return undefined
  history.startError = error
  const reason = redactSecrets(error, container.environment)
  const image = await client.inventory.image(container.imageId, signal).catch(() => undefined)
  return startFailureSignals.containerStartFailed.event({
    id,
    at,
    entity: containerSignals.container.reference(container.id),
    body: `Container ${container.name} could not be started: ${reason}`,
    attributes: {
      ...containerAttributes(container),
      ...imageAttributes(container, image),
      'container.exit_code': exitCode,
      'container.error': reason,
    },
  })
}
