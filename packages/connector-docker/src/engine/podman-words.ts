import type { EngineEvent } from './engine-api.ts'

/** An event with what only Podman says beside it. */
export interface PodmanEvent extends EngineEvent {
  /** The verdict of a health check, which Docker writes into the action. */
  readonly healthStatus: string | undefined
}

/** Podman's event in Docker's words; Docker's as it is. `undefined` for one that does not say of what it is. */
export function inDockersWords({ healthStatus, ...event }: PodmanEvent): EngineEvent | undefined {
  const { type, attributes } = event
  // Docker names the container in an attribute and the network as the actor; Podman has the container as the actor.
  if (type === 'network' && /^(?:dis)?connect$/.test(event.action) && attributes.container === undefined)
    return undefined
  return {
    ...event,
    action: actionOf(event.action, healthStatus),
    actor: event.actor === '' ? (attributes.name ?? '') : event.actor,
    attributes: {
      ...attributes,
      ...(type === 'network' && attributes.network && { name: attributes.network }),
      ...(attributes.containerExitCode && { exitCode: attributes.containerExitCode }),
    },
  }
}

function actionOf(action: string, healthStatus: string | undefined): string {
  if (action === 'remove') return 'destroy'
  if (action === 'health_status' && healthStatus !== undefined) return `health_status: ${healthStatus}`
  return action
}
