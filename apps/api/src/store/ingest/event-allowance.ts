import { type DroppedSignals, ENVIRONMENT_SHARES } from '../limits.ts'

/** Minutes whose events may come at once, such as those that waited in the outbox of an agent. */
const BURST_MINUTES = 10

/** Senders from which those with a full allowance are forgotten. */
const MAX_SENDERS = 10_000

interface Bucket {
  left: number
  at: number
}

/** Events that agents and environments may still send: as many a minute on average. */
export function createEventAllowance(eventsPerMinute: number) {
  const buckets = new Map<string, Bucket>()
  const fill = (name: string, perMinute: number, at: number): Bucket => {
    const capacity = BURST_MINUTES * perMinute
    const bucket = buckets.get(name) ?? { left: capacity, at }
    const minutes = Math.max(0, at - bucket.at) / 60_000
    bucket.left = Math.min(capacity, bucket.left + minutes * perMinute)
    bucket.at = at
    buckets.set(name, bucket)
    return bucket
  }
  return {
    /** Takes events from the allowance of an agent and of its environment. Returns how many are granted. */
    take: (
      agent: number,
      environment: string,
      count: number,
      at: number,
    ): { readonly granted: number; readonly limit: DroppedSignals['limit'] } => {
      if (count === 0) return { granted: 0, limit: 'agent' }
      if (buckets.size > MAX_SENDERS) forgetQuiet(buckets, at)
      const own = fill(`agent ${agent}`, eventsPerMinute, at)
      const shared = fill(`environment ${environment}`, ENVIRONMENT_SHARES * eventsPerMinute, at)
      const granted = Math.min(count, Math.floor(own.left), Math.floor(shared.left))
      own.left -= granted
      shared.left -= granted
      return { granted, limit: own.left <= shared.left ? 'agent' : 'environment' }
    },
    /** Gives granted events back, which were not stored. */
    giveBack: (agent: number, environment: string, count: number): void => {
      for (const name of [`agent ${agent}`, `environment ${environment}`]) {
        const bucket = buckets.get(name)
        if (bucket !== undefined) bucket.left += count
      }
    },
  }
}

function forgetQuiet(buckets: Map<string, Bucket>, at: number): void {
  for (const [name, bucket] of buckets) if (at - bucket.at > BURST_MINUTES * 60_000) buckets.delete(name)
}
