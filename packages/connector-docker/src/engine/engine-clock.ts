/** Differences up to this are delays of the answer, and of clocks that one machine shares. */
const TOLERANCE_MS = 2_000

export type EngineClock = ReturnType<typeof createEngineClock>

/** Compares the engine's clock with this machine's: an engine may run on another machine. */
export function createEngineClock() {
  let offset = 0
  return {
    /**
     * Compares the clocks by an answer of the engine.
     *
     * @param systemTime the engine's time, ISO 8601. Not every engine sends one
     * @param askedAt time of the request, `answeredAt` of its answer, both in milliseconds since 1970
     */
    measure: (systemTime: string | undefined, askedAt: number, answeredAt: number): void => {
      const at = Date.parse(systemTime ?? '')
      if (Number.isNaN(at)) return
      const isEqual = at >= askedAt - TOLERANCE_MS && at <= answeredAt + TOLERANCE_MS
      offset = isEqual ? 0 : Math.round(at - (askedAt + answeredAt) / 2)
    },
    /** Milliseconds by which the engine's clock is ahead of this machine's; 0 for less than two seconds. */
    offsetMs: () => offset,
    /** Converts a time of this machine to the engine's. */
    toEngineTime: (time: Date): Date => (offset === 0 ? time : new Date(time.getTime() + offset)),
  }
}
