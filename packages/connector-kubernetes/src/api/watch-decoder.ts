import { createByteQueue } from './byte-queue.ts'
import { describeRequest, KubernetesError, type RequestInfo, watchStatusError } from './errors.ts'
import type { WatchEvent } from './kubernetes-api.ts'

const LINE_BREAK = 10

/** Maximum size of one event, in bytes. etcd stores no object above 1.5 MiB, which JSON can multiply. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024

const TYPES: ReadonlySet<string> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

/**
 * Splits the answer to a watch into events, one JSON text per line. Searches line breaks in bytes: the bytes of a
 * longer character never contain one.
 */
export function createEventReader(request: RequestInfo, parse: (line: string) => unknown) {
  const received = createByteQueue()
  /** End of the complete lines. */
  let end = 0
  return {
    /** @throws KubernetesError when an event is too large */
    add: (chunk: Buffer): void => {
      const lineBreak = chunk.lastIndexOf(LINE_BREAK)
      if (lineBreak !== -1) end = received.size + lineBreak + 1
      received.add(chunk)
      if (received.size - end > MAX_EVENT_BYTES)
        throw damaged(`An event is larger than ${MAX_EVENT_BYTES} bytes`, request)
    },
    /**
     * Passes on each complete event before the next one is parsed: short-lived objects cost no garbage collection.
     *
     * @throws KubernetesError for an event of type `ERROR`, and for an unknown one
     */
    take: (onEvent: (event: WatchEvent) => void): void => {
      for (let at = 0; at < end; ) {
        const lineBreak = received.indexOf(LINE_BREAK, at)
        if (lineBreak > at) onEvent(toEvent(received.text(at, lineBreak), request, parse))
        at = lineBreak + 1
      }
      received.drop(end)
      end = 0
    },
  }
}

function toEvent(line: string, request: RequestInfo, parse: (line: string) => unknown): WatchEvent {
  const { type, object } = read(line, parse)
  if (type === 'ERROR') throw watchStatusError(request, object)
  if (!TYPES.has(type)) throw damaged('The server sent an unknown event', request)
  return { type: type as WatchEvent['type'], object }
}

/** Watching again from the same version would bring the same event again: the kind must be listed. */
function damaged(problem: string, request: RequestInfo): KubernetesError {
  return new KubernetesError(`${problem} while ${describeRequest(request)}`, { reason: 'Damaged' })
}

function read(line: string, parse: (line: string) => unknown): { readonly type: string; readonly object: unknown } {
  try {
    const event = parse(line) as { readonly type?: unknown; readonly object?: unknown } | null
    return { type: String(event?.type), object: event?.object }
  } catch {
    return { type: '', object: undefined }
  }
}
