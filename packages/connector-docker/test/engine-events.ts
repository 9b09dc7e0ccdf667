import type { Event } from '@rca/core/connector'
import type { DockerClient } from '../src/docker-client.ts'
import type { ContainerDetails, EngineApi, EngineEvent } from '../src/engine/engine-api.ts'
import { handleContainerEvent } from '../src/events/container-events.ts'
import { parseMessage } from '../src/events/engine-message.ts'

/** Fields of a container to change, with partial state and limits. */
export interface ContainerChange extends Partial<Omit<ContainerDetails, 'state' | 'limits'>> {
  readonly state?: Partial<ContainerDetails['state']>
  readonly limits?: Partial<ContainerDetails['limits']>
}

/** Returns a changed copy of a container. */
export function changed(container: ContainerDetails, { state, limits, ...change }: ContainerChange): ContainerDetails {
  return {
    ...container,
    ...change,
    state: { ...container.state, ...state },
    limits: { ...container.limits, ...limits },
  }
}

/** Converts ISO 8601 with up to nine decimals to nanoseconds since 1970, as in an engine event. */
export function timeNano(moment: string): string {
  const [seconds = '', decimals = ''] = moment.replace('Z', '').split('.')
  return `${Date.parse(`${seconds}Z`) / 1000}${decimals.padEnd(9, '0')}`
}

/** Builds an engine event at a time in ISO 8601 or in nanoseconds since 1970. */
export function engineEvent({
  type = 'container',
  action,
  actor,
  moment = '1970-01-01T00:00:00Z',
  nanoseconds = BigInt(timeNano(moment)),
  attributes = {},
}: EventParts): EngineEvent {
  return { type, action, actor, attributes, timeNano: `${nanoseconds}` }
}

export interface EventParts {
  readonly type?: string
  readonly action: string
  readonly actor: string
  readonly moment?: string
  readonly nanoseconds?: bigint
  readonly attributes?: Readonly<Record<string, string>>
}

/** Builds a container event with the attributes that the engine always sends. */
export function containerEvent(
  action: string,
  { id, name, image }: Pick<ContainerDetails, 'id' | 'name' | 'image'>,
  moment: string,
  more: Readonly<Record<string, string>> = {},
): EngineEvent {
  return engineEvent({ action, actor: id, moment, attributes: { name, image, ...more } })
}

/** Handles a container event. Returns the reported events. */
export async function handleEvent(
  event: EngineEvent,
  client: DockerClient,
  signal: AbortSignal = new AbortController().signal,
): Promise<Event[]> {
  const teller = handleContainerEvent(parseMessage(event), client)
  const reported = (await teller?.(signal)) ?? []
  return reported.filter((event) => event !== undefined)
}

/**
 * Returns a `logs` request over lines keyed by their ISO 8601 time. Honours `since`, `until` and `lines` like an
 * engine.
 */
export function writtenLog(lines: Readonly<Record<string, string>>): EngineApi['logs'] {
  const nanoseconds = (seconds: string): bigint => {
    const [whole = '', decimals = ''] = seconds.split('.')
    return BigInt(`${whole}${decimals.padEnd(9, '0')}`)
  }
  return async (_id, { since = '0', until = '9999999999', lines: most }) =>
    Object.entries(lines)
      .filter(([moment]) => BigInt(timeNano(moment)) >= nanoseconds(since))
      .filter(([moment]) => BigInt(timeNano(moment)) <= nanoseconds(until))
      .slice(-most)
      .map(([, line]) => `${line}\n`)
      .join('')
}
