import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { EngineEvent } from './engine-api.ts'
import { record, text } from './lenient-schemas.ts'

/** Characters. The engine's messages are far shorter. */
const MAX_LINE_LENGTH = 1_048_576

/** Reads `timeNano` as text: it has more digits than a JavaScript number can hold. */
const TIME_NANO = /"timeNano":\s*(\d+)/

const messageSchema = z.object({
  Type: text,
  Action: text,
  HealthStatus: text,
  Actor: z.object({ ID: text, Attributes: record }).catch({ Attributes: {} }),
})

/** Reads the event stream, one JSON text per line. Rejects at its end, unless `signal` aborts. */
export async function* readEvents(
  open: () => Promise<NodeJS.ReadableStream>,
  explain: (error: unknown) => Error,
  signal: AbortSignal,
): AsyncIterable<EngineEvent> {
  const stream = (await open()) as Readable
  const stop = (): void => void stream.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) return
    stream.setEncoding('utf8')
    let rest = ''
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > MAX_LINE_LENGTH) throw new Error('a message of the engine exceeds 1 MiB')
      for (const line of lines) {
        const event = toEvent(line)
        if (event !== undefined) yield event
      }
    }
    if (!signal.aborted) throw Object.assign(new Error('the stream ended'), { code: 'ECONNRESET' })
  } catch (error) {
    if (signal.aborted) return
    throw explain(error)
  } finally {
    signal.removeEventListener('abort', stop)
    stream.destroy()
  }
}

/** Parses a line. Returns `undefined` for a line that is not an event. */
export function toEvent(line: string): EngineEvent | undefined {
  const timeNano = TIME_NANO.exec(line)?.[1]
  if (timeNano === undefined) return undefined
  const { data } = messageSchema.safeParse(parse(line))
  if (data?.Type === undefined) return undefined
  const { ID: id, Attributes: attributes } = data.Actor
  const event = { type: data.Type, action: data.Action ?? '', actor: id ?? '', attributes, timeNano }
  return toDockerEvent({ ...event, healthStatus: data.HealthStatus })
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** An event with Podman's additional fields. */
export interface PodmanEvent extends EngineEvent {
  /** Result of a health check, which Docker writes into the action. */
  readonly healthStatus: string | undefined
}

/** Translates Podman's events to Docker's format. Returns `undefined` for an event without its subject. */
export function toDockerEvent({ healthStatus, ...event }: PodmanEvent): EngineEvent | undefined {
  const { type, attributes } = event
  // Docker has the network as the actor and the container as an attribute; Podman has the container as the actor.
  if (type === 'network' && /^(?:dis)?connect$/.test(event.action) && attributes.container === undefined)
    return undefined
  return {
    ...event,
    action: dockerAction(event.action, healthStatus),
    actor: event.actor === '' ? (attributes.name ?? '') : event.actor,
    attributes: {
      ...attributes,
      ...(type === 'network' && attributes.network && { name: attributes.network }),
      ...(attributes.containerExitCode && { exitCode: attributes.containerExitCode }),
    },
  }
}

function dockerAction(action: string, healthStatus: string | undefined): string {
  if (action === 'remove') return 'destroy'
  if (action === 'health_status' && healthStatus !== undefined) return `health_status: ${healthStatus}`
  return action
}
