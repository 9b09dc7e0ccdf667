import { type Event, withoutSecrets } from '@rca/core/connector'
import { containerAttributes, imageAttributes } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import { signals } from '../signals.ts'
import { lookAt, type Message } from './engine-message.ts'

/** States in which a container has been started. */
const STARTED = new Set(['running', 'paused', 'restarting', 'removing'])

/**
 * That a container could not be started, which the engine tells by nothing but that it leaves its network again: the
 * container says what was wrong until it is started. `undefined` where it left for another reason.
 */
export async function describeStartFailure(
  { id, at, event, action }: Message,
  client: DockerClient,
  signal: AbortSignal,
): Promise<Event | undefined> {
  const { container: containerId } = event.attributes
  if (event.type !== 'network' || action !== 'disconnect' || containerId === undefined) return undefined
  const container = await lookAt(containerId, client, signal)
  if (container === undefined || !client.inventory.isWanted(container.name)) return undefined
  const { error, exitCode, status } = container.state
  if (error === undefined || STARTED.has(status)) return undefined
  const reason = withoutSecrets(error, container.environment)
  const image = await client.inventory.image(container.imageId, signal).catch(() => undefined)
  return signals.containerStartFailed.event({
    id: `${id}/start_failed`,
    at,
    entity: signals.container.reference(container.id),
    body: `Container ${container.name} could not be started: ${reason}`,
    attributes: {
      ...containerAttributes(container),
      ...imageAttributes(container, image),
      'container.exit_code': exitCode,
      'container.error': reason,
    },
  })
}
