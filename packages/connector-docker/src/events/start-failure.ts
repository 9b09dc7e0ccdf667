import { type Event, event, redactSecrets } from '@rca/core/connector'
import { containerSignals } from '../collectors/containers.ts'
import {
  containerAttributeNames,
  containerAttributes,
  imageAttributeNames,
  imageAttributes,
} from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
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
  if (container === undefined || !client.inventory.isIncluded(container.name)) return undefined
  const { error, exitCode, status } = container.state
  if (error === undefined || STARTED.has(status)) return undefined
  const reason = redactSecrets(error, container.environment)
  const image = await client.inventory.image(container.imageId, signal).catch(() => undefined)
  return startFailureSignals.containerStartFailed.event({
    id: `${id}/start_failed`,
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
