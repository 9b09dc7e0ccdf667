import type { ClusterEvent } from '../kinds/event/event.ts'

/** Reports that are remembered: far more than a kernel's log has kills. */
const MAX_REPORTS = 5_000

/** A report is created at most this long after its kill, in milliseconds. */
const MAX_DELAY_MS = 900_000

/** `SystemOOM` of the kubelet, `OOMKilling` of the node problem detector. Neither names the container. */
export function isOomReport({ about, reason }: ClusterEvent): boolean {
  return about.kind === 'Node' && (reason === 'SystemOOM' || reason === 'OOMKilling')
}

/**
 * Creates a function that returns whether a new event reports an OOM kill again. A kubelet that starts reads the
 * kernel's log from its beginning, and reports every kill in it, as new events: those with a process that was reported
 * before, or with a time long before their creation, are repeated. Expects each event once.
 */
export function createRepeatedOomReports(): (event: ClusterEvent) => boolean {
  const known = new Set<string>()
  return (event) => {
    if (!isOomReport(event)) return false
    const isOld = Date.parse(event.created ?? '') - Date.parse(event.lastAt ?? '') > MAX_DELAY_MS
    // Without a process, two reports may be about two kills.
    if (!/\bpid: \d+|\bKilled process \d+/.test(event.message)) return isOld
    const key = `${event.about.name}\n${event.message}`
    const isKnown = known.has(key)
    known.delete(key)
    known.add(key)
    const [oldest] = known
    if (known.size > MAX_REPORTS && oldest !== undefined) known.delete(oldest)
    return isKnown || isOld
  }
}
