/** Returns the CPU of this process per run, in milliseconds, after `warmUp` unmeasured runs. */
export async function cpuOf(rounds: number, run: () => Promise<unknown>, warmUp = 0): Promise<number> {
  for (let round = 0; round < warmUp; round += 1) await run()
  globalThis.gc?.()
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round += 1) await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / rounds
}
