import type { IncomingMessage } from 'node:http'
import { KubernetesError } from './errors.ts'
import { describe, type Question } from './explain-failure.ts'
import type { WatchEvent } from './kubernetes-api.ts'
import { createEventReader, type EventReader } from './watch-decoder.ts'

/** How long events are gathered before they are told, in milliseconds. */
const GATHERING = 250

/** From so many bytes on nothing is waited for: the server has much to tell. */
const MUCH = 128 * 1024

/** How the answer to a watch is read. */
export interface WatchReading {
  /** How long nothing may come, in milliseconds. */
  readonly silence: number
  parse(line: string): unknown
}

/**
 * Tells the events of an answer, those of a quarter of a second together: one at a time each wakes the process, finds the processor's
 * caches filled with other things, and costs three times as much. Always rejects: with what the server tells, with `Silent` when nothing
 * came any more for so many milliseconds, with what `onEvent` throws, or with `WatchEnded`, since servers end every watch after a while.
 */
export function followWatch(
  answer: IncomingMessage,
  question: Question,
  { silence, parse, onEvent }: WatchReading & { onEvent(event: WatchEvent): void },
): Promise<never> {
  const reader = createEventReader(question, parse)
  const { heard, stop: stopListening } = limitSilence(answer, question, silence)
  const tell = (): void => reader.take(onEvent)
  const { gather, stop } = createGathering(answer, tell)
  const following = new Promise<never>((_resolve, reject) => {
    answer.once('error', reject)
    answer.once('close', () => reject(watchEnded(question)))
    answer.once('end', () => {
      try {
        tell()
        reject(watchEnded(question))
      } catch (error) {
        reject(error)
      }
    })
    answer.on('data', (chunk: Buffer) => {
      heard()
      try {
        reader.add(chunk)
        gather(chunk.length, reject)
      } catch (error) {
        reject(error)
      }
    })
  })
  return following.finally(() => {
    stop()
    stopListening()
    answer.destroy()
  })
}

/** Lets what arrives wait in the socket, and is told then. */
function createGathering(answer: IncomingMessage, tell: () => void) {
  let arrived = 0
  let isGathering = false
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  const finish = (fail: (error: unknown) => void): void => {
    isGathering = false
    arrived = 0
    try {
      tell()
      answer.resume()
    } catch (error) {
      fail(error)
    }
  }
  return {
    gather: (bytes: number, fail: (error: unknown) => void): void => {
      arrived += bytes
      if (isGathering) return
      isGathering = true
      // Once all is read that is there already.
      setImmediate(() => {
        if (isStopped) return
        if (arrived >= MUCH) return finish(fail)
        answer.pause()
        timer = setTimeout(finish, GATHERING, fail)
      })
    },
    stop: (): void => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

/** The same, one event at a time: whoever reads may take its time. Always ends by rejecting. */
export async function* readWatch(
  answer: IncomingMessage,
  question: Question,
  { silence, parse }: WatchReading,
): AsyncIterable<WatchEvent> {
  const reader = createEventReader(question, parse)
  const { heard, stop } = limitSilence(answer, question, silence)
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      heard()
      const { events, failure } = eventsOf(reader, chunk)
      for (const event of events) {
        yield event
        // What has passed meanwhile is not the server's silence.
        heard()
      }
      if (failure !== undefined) throw failure.error
    }
    throw watchEnded(question)
  } finally {
    stop()
    answer.destroy()
  }
}

/**
 * Breaks off an answer in which nothing comes. A server sends no bookmarks of a kind of which it has seen nothing since it started: where
 * nothing ever came, that is a watch that has ended, and where something did, the connection is cut.
 */
function limitSilence(answer: IncomingMessage, question: Question, silence: number) {
  let hasSpoken = false
  const timer = setTimeout(() => {
    answer.destroy(hasSpoken ? silent(question, silence) : watchEnded(question))
  }, silence)
  return {
    heard: (): void => {
      hasSpoken = true
      timer.refresh()
    },
    stop: (): void => clearTimeout(timer),
  }
}

/** Those before a failure, and that. */
function eventsOf(reader: EventReader, chunk: Buffer) {
  const events: WatchEvent[] = []
  try {
    reader.add(chunk)
    reader.take((event) => events.push(event))
    return { events }
  } catch (error) {
    return { events, failure: { error } }
  }
}

function watchEnded(question: Question): KubernetesError {
  return new KubernetesError(`The server ended its answer while ${describe(question)}`, { reason: 'WatchEnded' })
}

function silent(question: Question, silence: number): KubernetesError {
  return new KubernetesError(
    `Nothing came for ${silence / 1000} s while ${describe(question)}: the connection was cut, or the server hangs`,
    { reason: 'Silent' },
  )
}
