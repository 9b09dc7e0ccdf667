import { KubernetesError } from './errors.ts'
import { describe, explainStatus, type Question } from './explain-failure.ts'
import { holdBytes } from './held-bytes.ts'
import type { WatchEvent } from './kubernetes-api.ts'

const LINE_BREAK = 10

/** Longest line that is waited for, in bytes: etcd keeps no object above 1.5 MiB, which JSON can make a few times longer. */
const LONGEST = 16 * 1024 * 1024

const TYPES: ReadonlySet<string> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

/** Takes the answer to a watch apart, one JSON text to a line. */
export interface EventReader {
  /** Keeps what arrived. @throws KubernetesError when a line has no end */
  add(chunk: Buffer): void
  /** Tells the events that are complete, each once. @throws KubernetesError when one tells of an error, or is none */
  take(tell: (event: WatchEvent) => void): void
}

/**
 * Line breaks are found in bytes: within a character of several bytes there is none. Each event is told before the next one is read, as
 * what lives shortly costs the garbage collector nothing.
 */
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
    take: (tell) => {
      for (let at = 0; at < end; ) {
        const lineBreak = held.indexOf(LINE_BREAK, at)
        if (lineBreak > at) tell(toEvent(held.text(at, lineBreak), question, parse))
        at = lineBreak + 1
      }
      held.drop(end)
      end = 0
    },
  }
}

function toEvent(line: string, question: Question, parse: (line: string) => unknown): WatchEvent {
  const { type, object } = read(line, parse)
  if (type === 'ERROR') throw explainStatus(question, object)
  if (!TYPES.has(type)) throw new KubernetesError(`The server sent what is no event while ${describe(question)}`)
  return { type: type as WatchEvent['type'], object }
}

function read(line: string, parse: (line: string) => unknown): { readonly type: string; readonly object: unknown } {
  try {
    const event = parse(line) as { readonly type?: unknown; readonly object?: unknown } | null
    return { type: String(event?.type), object: event?.object }
  } catch {
    return { type: '', object: undefined }
  }
}
