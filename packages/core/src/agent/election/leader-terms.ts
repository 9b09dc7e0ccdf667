import { setMaxListeners } from 'node:events'
import { v7 } from 'uuid'
import { reasonOf } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'

export interface LeaderTermsOptions {
  /**
   * Collects and reports until `signal` aborts. `isOver` returns true once the leadership is lost, and false while
   * the agent merely stops.
   */
  readonly serve: (signal: AbortSignal, isOver: () => boolean) => Promise<void>
  /** Called synchronously when a term begins. */
  readonly onBegin: () => void
  /** Called synchronously when a term ends. */
  readonly onEnd: () => void
  readonly log: Logger
}

/** This process's leader terms; at most one is active. */
export interface LeaderTerms {
  /** Begins a term unless one is active. */
  begin(): void
  /** Ends the active term at once. */
  end(): void
  /** Returns the id of the active term. */
  current(): string | undefined
  /** Resolves when the work of all terms so far has ended. */
  settled(): Promise<void>
}

interface Term {
  readonly id: string
  readonly controller: AbortController
  isOver: boolean
}

/** @param stopping ends the work of a term, but not the term itself: the agent's last report belongs to it */
export function createLeaderTerms(
  { serve, onBegin, onEnd, log }: LeaderTermsOptions,
  stopping: AbortSignal,
): LeaderTerms {
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
    begin: () => {
      if (active !== undefined) return
      const term: Term = { id: v7(), controller: new AbortController(), isOver: false }
      setMaxListeners(0, term.controller.signal)
      active = term
      onBegin()
      // After the work of the previous term: both would take the same signals.
      served = served.then(() => serveTerm(term))
    },
    end: () => {
      if (active === undefined) return
      active.isOver = true
      active.controller.abort(new Error('another agent became leader'))
      active = undefined
      onEnd()
    },
    current: () => active?.id,
    settled: () => served,
  }
}
