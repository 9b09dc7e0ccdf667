import { setMaxListeners } from 'node:events'
import { v7 } from 'uuid'
import { reasonOf } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'

export interface LeaderTermsOptions {
  /** Collects and reports until `signal` aborts. `isOver` is true once the leadership is lost, not during a stop. */
  readonly serve: (signal: AbortSignal, isOver: () => boolean) => Promise<void>
  /** Called synchronously, as is `onEnd`. */
  readonly onBegin: () => void
  readonly onEnd: () => void
  readonly log: Logger
}

interface Term {
  readonly id: string
  readonly controller: AbortController
  isOver: boolean
}

/**
 * Keeps this process's leader terms; at most one is active. `stopping` ends the work of a term, but not the term
 * itself: the agent's last report belongs to it.
 */
export function createLeaderTerms({ serve, onBegin, onEnd, log }: LeaderTermsOptions, stopping: AbortSignal) {
  let active: Term | undefined
  let served: Promise<void> = Promise.resolve()

  const serveTerm = async (term: Term): Promise<void> => {
    const stop = (): void => term.controller.abort(stopping.reason)
    stopping.addEventListener('abort', stop, { once: true })
    if (stopping.aborted) stop()
    try {
      if (!term.controller.signal.aborted) await serve(term.controller.signal, () => term.isOver)
    } catch (error) {
      log.error({ error: reasonOf(error) }, 'internal error: the leader loop stopped; restart the agent')
    } finally {
      stopping.removeEventListener('abort', stop)
    }
  }

  return {
    /** Begins a term unless one is active. */
    begin: (): void => {
      if (active !== undefined) return
      const term: Term = { id: v7(), controller: new AbortController(), isOver: false }
      setMaxListeners(0, term.controller.signal)
      active = term
      onBegin()
      // After the work of the previous term: both would take the same signals.
      served = served.then(() => serveTerm(term))
    },
    end: (): void => {
      if (active === undefined) return
      active.isOver = true
      active.controller.abort(new Error('another agent became leader'))
      active = undefined
      onEnd()
    },
    current: () => active?.id,
    /** Resolves when the work of all terms so far has ended. */
    settled: () => served,
  }
}
