/** Bounds of the wait between two attempts, in milliseconds. */
const [SHORTEST, LONGEST] = [500, 30_000]

/**
 * How long to wait after so many failures in a row, in milliseconds: half of a bound that doubles with each, and a random part
 * of the other half. Never nothing: what fails at once would otherwise be asked without pause.
 */
export function waitAfter(failures: number, random: () => number = Math.random): number {
  const bound = Math.min(LONGEST, SHORTEST * 2 ** Math.min(failures - 1, 10))
  return bound / 2 + (bound / 2) * random()
}
