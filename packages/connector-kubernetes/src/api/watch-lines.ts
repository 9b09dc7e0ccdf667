import { describe, explainStatus, type Question } from './explain-failure.ts'
import { holdBytes } from './held-bytes.ts'
import type { WatchEvent } from './kubernetes-api.ts'
import { KubernetesError } from './kubernetes-error.ts'

const LINE_BREAK = 10

/** Longest line that is waited for, in bytes: etcd keeps no object above 1.5 MiB, which JSON can make a few times longer. */
const LONGEST = 16 * 1024 * 1024

const TYPES: ReadonlySet<string> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

/** Takes the answer to a watch apart, one JSON text to a line. */
export interface EventReader {
  /** Keeps what arrived. @throws KubernetesError when a line has no end */
  add(chunk: Buffer): void
  /** The events that are complete, each once. */
  take(): EventsRead
}

/** Events until an error, after which there are none. */
export interface EventsRead {
  readonly events: readonly WatchEvent[]
  readonly error: Error | undefined
}

/** Line breaks are found in bytes: within a character of several bytes there is none. */
export function createEventReader(question: Question, parse: (line: string) => unknown): EventReader {
  const held = holdBytes()
  // Up to where lines are complete.
  let end = 0
  return {
    add: (chunk) => {
      const lineBreak = chunk.lastIndexOf(LINE_BREAK)
      if (lineBreak !== -1) end = held.size + lineBreak + 1
      held.add(chunk)
      if (held.size - end > LONGEST) throw new KubernetesError(`An event has no end while ${describe(question)}`)
    },
    take: () => {
      const lines = held.text(end)
      held.drop(end)
      end = 0
      return eventsOf(lines, question, parse)
    },
  }
}

function eventsOf(lines: string, question: Question, parse: (line: string) => unknown): EventsRead {
  const events: WatchEvent[] = []
  for (const line of lines.split('\n')) {
    if (line === '') continue
    const { type, object } = read(line, parse)
    if (type === 'ERROR') return { events, error: explainStatus(question, object) }
    if (!TYPES.has(type))
      return { events, error: new KubernetesError(`The server sent what is no event while ${describe(question)}`) }
    events.push({ type: type as WatchEvent['type'], object })
  }
  return { events, error: undefined }
}

function read(line: string, parse: (line: string) => unknown): { readonly type: string; readonly object: unknown } {
  try {
    const event = parse(line) as { readonly type?: unknown; readonly object?: unknown } | null
    return { type: String(event?.type), object: event?.object }
  } catch {
    return { type: '', object: undefined }
  }
}
