import { readdirSync, readFileSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { join } from 'node:path'

/** Returns the flags of Node that make a process write a CPU profile into a folder when it exits. */
export function profileFlags(folder: string): string[] {
  return ['--cpu-prof', '--cpu-prof-dir', folder]
}

/**
 * Returns which share of a process's CPU time, from 0 to 1, the modules with `part` in their path take, with all that
 * they call. Reads the profile that {@link profileFlags} made. Unlike the difference of two runs, it does not depend on
 * the other load of the machine.
 *
 * @throws {Error} if the profile is missing, or has no sample in these modules: nothing was measured then
 */
export function cpuShareOf(folder: string, part: string): number {
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error(`${folder} has no CPU profile: the process did not exit by itself`)
  return shareOf(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profiler.Profile, part)
}

function shareOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, part: string): number {
  const selfTimes = new Map<number, number>()
  for (const [index, id] of samples.entries())
    selfTimes.set(id, (selfTimes.get(id) ?? 0) + (timeDeltas[index + 1] ?? 0))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const sum = ({ id, callFrame, children = [] }: Profiler.ProfileNode, isWithin: boolean): [number, number] => {
    const isPart = isWithin || callFrame.url.includes(part)
    const own = callFrame.functionName === '(idle)' ? 0 : (selfTimes.get(id) ?? 0)
    const below = children.map((child) => sum(byId.get(child)!, isPart))
    return below.reduce(([a, b], [c, d]) => [a + c, b + d], [own, isPart ? own : 0])
  }
  const [all, ofPart] = sum(nodes[0]!, false)
  if (ofPart === 0) throw new Error(`the CPU profile has no sample in modules with \`${part}\` in their path`)
  return ofPart / all
}
