/** Milliseconds of this process's CPU that one run takes, after it has run so often unmeasured. */
export async function cpuOf(rounds: number, run: () => Promise<unknown>, warmUp = 0): Promise<number> {
  for (let round = 0; round < warmUp; round += 1) await run()
  globalThis.gc?.()
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round += 1) await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / rounds
}
