import { join } from 'node:path'
import { fileReader, parseTable } from './kernel-files.ts'

/** An exit is handled at most this long after the kernel counted the kill: an engine under load reports it late. */
const MAX_EXIT_DELAY_MS = 60_000

/** Count of one group, and the kills in it that belong to no known exit. */
interface Count {
  total: number
  open: number
  /** In milliseconds since 1970. */
  noticedAt: number
}

/**
 * Counts the OOM kills below groups of version 2. The group of a container ends with it, and engines may miss its last
 * kill; the group above keeps the count (kernel: admin-guide/cgroup-v2, `memory.events`).
 *
 * @param root mount point of the groups
 * @param groups groups above containers, whose kills count from now on
 */
export function createOomKills(root: string, groups: readonly string[], now: () => number = Date.now) {
  const counts = new Map<string, Count>()
  const update = (group: string): Count | undefined => {
    const total = parseTable(fileReader(join(root, group))('memory.events'))('oom_kill')
    if (total === undefined) {
      // Groups of pods and slices come and go.
      counts.delete(group)
      return undefined
    }
    const known = counts.get(group) ?? { total, open: 0, noticedAt: now() }
    counts.set(group, known)
    if (now() - known.noticedAt > MAX_EXIT_DELAY_MS) known.open = 0
    if (total > known.total) {
      known.open += total - known.total
      known.noticedAt = now()
    }
    known.total = total
    return known
  }
  for (const group of groups) update(group)
  return {
    /** Reads the counts of the known groups. */
    update: (): void => {
      for (const group of counts.keys()) update(group)
    },
    /** Counts the kills in further groups. */
    add: (group: string): void => void (counts.has(group) || update(group)),
    /** Returns whether there was a recent kill in one of these groups, and assigns it to an exit. */
    take: (groups: readonly string[]): boolean => {
      const found = groups.map(update).find((count) => count !== undefined && count.open > 0)
      if (found !== undefined) found.open -= 1
      return found !== undefined
    },
  }
}
