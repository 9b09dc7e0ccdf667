import { setMaxListeners } from 'node:events'
import { v7 } from 'uuid'
import { reasonOf } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'

export interface TermsOptions {
  /** Collects and reports until `signal` aborts. `isOver` tells whether the lead was lost, as opposed to the agent stopping. */
  readonly serve: (signal: AbortSignal, isOver: () => boolean) => Promise<void>
  /** Called at once when a term begins or ends. */
  readonly onBegin: () => void
  readonly onEnd: () => void
  readonly log: Logger
}

/** The times for which an agent leads, one after the other. */
export interface Terms {
  /** Begins a term unless one is on. */
  begin(): void
  /** Ends the one that is on, at once. */
  end(): void
  /** Names the term that is on. */
  current(): string | undefined
  /** Resolves when nothing of the terms so far runs any more. */
  settled(): Promise<void>
}

interface Term {
  readonly id: string
  readonly controller: AbortController
  over: boolean
}

/** No term yet. `stopping` ends what a term does, but not the term: the last report is still made in it. */
export function createTerms({ serve, onBegin, onEnd, log }: TermsOptions, stopping: AbortSignal): Terms {
  let term: Term | undefined
  let served: Promise<void> = Promise.resolve()

  const serveTerm = async (own: Term): Promise<void> => {
    const stop = (): void => own.controller.abort(stopping.reason)
    stopping.addEventListener('abort', stop, { once: true })
    if (stopping.aborted) stop()
    try {
      if (!own.controller.signal.aborted) await serve(own.controller.signal, () => own.over)
    } catch (error) {
      log.error({}, `a part of the agent has ended, start it again: ${reasonOf(error)}`)
    } finally {
      stopping.removeEventListener('abort', stop)
    }
  }

  return {
    begin: () => {
      if (term !== undefined) return
      const own: Term = { id: v7(), controller: new AbortController(), over: false }
      setMaxListeners(0, own.controller.signal)
      term = own
      onBegin()
      // After what the term before still does: two at the same time would both take what was seen.
      served = served.then(() => serveTerm(own))
    },
    end: () => {
      if (term === undefined) return
      term.over = true
      term.controller.abort(new Error('another agent reports now'))
      term = undefined
      onEnd()
    },
    current: () => term?.id,
    settled: () => served,
  }
}
