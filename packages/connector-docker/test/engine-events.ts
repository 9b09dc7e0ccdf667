import type { Event } from '@rca/core/connector'
import type { DockerClient } from '../src/docker-client.ts'
import type { ContainerDetails, EngineApi, EngineEvent } from '../src/engine/engine-api.ts'
import { handleContainerEvent } from '../src/events/container-events.ts'
import { parseMessage } from '../src/events/engine-message.ts'

/** What of a container a test sets; its state and limits in part. */
export interface ContainerChange extends Partial<Omit<ContainerDetails, 'state' | 'limits'>> {
  readonly state?: Partial<ContainerDetails['state']>
  readonly limits?: Partial<ContainerDetails['limits']>
}

/** A container that differs from another one. */
export function changed(container: ContainerDetails, { state, limits, ...change }: ContainerChange): ContainerDetails {
  return {
    ...container,
    ...change,
    state: { ...container.state, ...state },
    limits: { ...container.limits, ...limits },
  }
}

/** ISO 8601 with up to nine decimals → nanoseconds since 1970, as the engine writes the time of an event. */
export function timeNano(moment: string): string {
  const [seconds = '', decimals = ''] = moment.replace('Z', '').split('.')
  return `${Date.parse(`${seconds}Z`) / 1000}${decimals.padEnd(9, '0')}`
}

/** An event as the engine tells it, at a moment (ISO 8601) or so many nanoseconds after 1970. */
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

/** An event of a container, with the attributes that the engine always gives. */
export function containerEvent(
  action: string,
  { id, name, image }: Pick<ContainerDetails, 'id' | 'name' | 'image'>,
  moment: string,
  more: Readonly<Record<string, string>> = {},
): EngineEvent {
  return engineEvent({ action, actor: id, moment, attributes: { name, image, ...more } })
}

/** Notes an event of a container and tells it at once. */
export async function tellAtOnce(
  event: EngineEvent,
  client: DockerClient,
  signal: AbortSignal = new AbortController().signal,
): Promise<Event[]> {
  const teller = handleContainerEvent(parseMessage(event), client)
  const told = (await teller?.(signal)) ?? []
  return told.filter((told) => told !== undefined)
}

/** A log of lines with the time at which the engine stamped them (ISO 8601): answers as an engine does, from a moment until another, the last so many. */
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
