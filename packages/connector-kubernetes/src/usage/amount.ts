/** What a kubelet writes where a difference fell below 0, or nearly so. */
const LARGEST = 2 ** 63

/** A number of a kubelet that can be true: some write a very large one in place of a negative one. */
export function amount(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value < LARGEST ? value : undefined
}

/** Nanoseconds as seconds, nanocores as processors. */
export function fromNano(value: unknown): number | undefined {
  const read = amount(value)
  return read === undefined ? undefined : read / 1e9
}

/** A sum of what is there. `undefined` where nothing is. */
export function sum(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (one, other) => (one === undefined || other === undefined ? (one ?? other) : one + other),
    undefined,
  )
}
