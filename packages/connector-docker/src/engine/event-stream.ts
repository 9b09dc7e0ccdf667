import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { EngineEvent } from './engine-api.ts'
import { record, text } from './lenient-schemas.ts'
import { inDockersWords } from './podman-words.ts'

/** Longest line that is waited for, in characters: the engine's messages are far shorter. */
const LONGEST = 1_048_576

/** `timeNano` has more digits than a number holds: it is read as text before the line is parsed. */
const TIME = /"timeNano":\s*(\d+)/

const messageSchema = z.object({
  Type: text,
  Action: text,
  HealthStatus: text,
  Actor: z.object({ ID: text, Attributes: record }).catch({ Attributes: {} }),
})

/** Reads the engine's stream of events, one JSON text to a line. Ends by rejecting unless `signal` aborts. */
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
      if (rest.length > LONGEST) throw new Error('a message of the engine has no end')
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

/** A line as an event; `undefined` for what is none. */
export function toEvent(line: string): EngineEvent | undefined {
  const timeNano = TIME.exec(line)?.[1]
  if (timeNano === undefined) return undefined
  const { data } = messageSchema.safeParse(parse(line))
  if (data?.Type === undefined) return undefined
  const { ID: id, Attributes: attributes } = data.Actor
  const event = { type: data.Type, action: data.Action ?? '', actor: id ?? '', attributes, timeNano }
  return inDockersWords({ ...event, healthStatus: data.HealthStatus })
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
