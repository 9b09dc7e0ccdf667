import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { EngineEvent } from './engine-api.ts'
import { record, text } from './lenient-schemas.ts'

/** Characters. Longer messages, of containers with very long labels, are cut. */
const MAX_LINE_LENGTH = 1_048_576

/** Characters that are kept of each end of a longer message. */
const CUT_LENGTH = 65_536

/** Characters after which the stream counts as damaged: it has no line breaks. */
const MAX_DISCARDED_LENGTH = 67_108_864

/** Stands for the middle of a cut message. JSON never contains it. */
const CUT_MARK = '\0'

/** Beginning of a message, in the order in which engines write its fields. */
const CUT_HEAD = /"Type":"(\w+)","Action":"([^"]*)","Actor":\{"ID":"([^"]*)"/

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
    const split = createLineSplitter()
    for await (const chunk of stream) {
      for (const line of split(String(chunk))) {
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

/** Returns a function that splits text into lines, and cuts the middle out of lines that are too long. */
function createLineSplitter(): (chunk: string) => string[] {
  let rest = ''
  let discarded = 0
  const cut = (line: string): string => {
    if (line.length <= MAX_LINE_LENGTH) return line
    discarded += line.length - 2 * CUT_LENGTH
    return `${line.slice(0, CUT_LENGTH)}${CUT_MARK}${line.slice(-CUT_LENGTH)}`
  }
  return (chunk) => {
    // Searches only the chunk: a long message arrives in many.
    const [end = '', ...beginnings] = chunk.split('\n')
    const lines = [cut(rest + end), ...beginnings.map(cut)]
    if (beginnings.length > 0) discarded = 0
    rest = lines.pop() ?? ''
    if (discarded > MAX_DISCARDED_LENGTH) throw new Error('a message of the engine exceeds 64 MiB')
    return lines
  }
}

/** Parses a line. Returns `undefined` for a line that is not an event. */
export function toEvent(line: string): EngineEvent | undefined {
  const timeNano = TIME_NANO.exec(line)?.[1]
  if (timeNano === undefined) return undefined
  if (line.includes(CUT_MARK)) return toCutEvent(line, timeNano)
  const { data } = messageSchema.safeParse(parse(line))
  if (data?.Type === undefined) return undefined
  const { ID: id, Attributes: attributes } = data.Actor
  const event = { type: data.Type, action: data.Action ?? '', actor: id ?? '', attributes, timeNano }
  return toDockerEvent({ ...event, healthStatus: data.HealthStatus })
}

/** Reads a message without its middle. Its attributes are unknown. */
function toCutEvent(line: string, timeNano: string): EngineEvent | undefined {
  const [, type, action = '', actor = ''] = CUT_HEAD.exec(line) ?? []
  return type === undefined ? undefined : { type, action, actor, attributes: {}, timeNano, isCut: true }
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
