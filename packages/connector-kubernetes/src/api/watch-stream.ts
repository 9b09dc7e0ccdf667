import type { IncomingMessage } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { describe, explainStatus, type Question } from './explain-failure.ts'
import type { WatchEvent } from './kubernetes-api.ts'
import { KubernetesError } from './kubernetes-error.ts'

/** Longest line that is waited for, in characters: etcd keeps no object above 1.5 MiB, which JSON can make a few times longer. */
const LONGEST = 16 * 1024 * 1024

const TYPES: ReadonlySet<string> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

/**
 * Reads the answer to a watch, one JSON text to a line. Always ends by rejecting: with what the server tells, with `Silent` when
 * nothing came for so many milliseconds, or with `WatchEnded`, since servers end every watch after a while.
 */
export async function* readWatch(
  answer: IncomingMessage,
  question: Question,
  { silence, parse }: { readonly silence: number; readonly parse: (line: string) => unknown },
): AsyncIterable<WatchEvent> {
  const toEvent = createReading(question, parse)
  const timer = setTimeout(() => answer.destroy(silent(question, silence)), silence)
  const decoder = new StringDecoder('utf8')
  let rest: string[] = []
  let waiting = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      timer.refresh()
      const lines = decoder.write(chunk).split('\n')
      const last = lines.pop() ?? ''
      for (const line of lines) {
        const whole = rest.length === 0 ? line : rest.join('') + line
        rest = []
        waiting = 0
        if (whole !== '') yield toEvent(whole)
        // Whoever reads may take its time: that is not the server's silence.
        timer.refresh()
      }
      if (last !== '') rest.push(last)
      waiting += last.length
      if (waiting > LONGEST) throw new KubernetesError(`An event has no end while ${describe(question)}`)
    }
    throw new KubernetesError(`The server ended its answer while ${describe(question)}`, { reason: 'WatchEnded' })
  } finally {
    clearTimeout(timer)
    answer.destroy()
  }
}

function createReading(question: Question, parse: (line: string) => unknown): (line: string) => WatchEvent {
  return (line) => {
    const { type, object } = read(line, parse)
    if (type === 'ERROR') throw explainStatus(question, object)
    if (!TYPES.has(type)) throw new KubernetesError(`The server sent what is no event while ${describe(question)}`)
    return { type: type as WatchEvent['type'], object }
  }
}

function read(line: string, parse: (line: string) => unknown): { readonly type: string; readonly object: unknown } {
  try {
    const event = parse(line) as { readonly type?: unknown; readonly object?: unknown } | null
    return { type: String(event?.type), object: event?.object }
  } catch {
    return { type: '', object: undefined }
  }
}

function silent(question: Question, silence: number): KubernetesError {
  return new KubernetesError(
    `Nothing came for ${silence / 1000} s while ${describe(question)}: the connection was cut, or the server hangs`,
    { reason: 'Silent' },
  )
}
