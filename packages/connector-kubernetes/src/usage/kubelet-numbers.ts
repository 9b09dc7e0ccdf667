/** A kubelet writes a value near 2^64 for a negative difference. */
const MAX_AMOUNT = 2 ** 63

/** Returns a kubelet's number, `undefined` for an implausible one. */
export function kubeletNumber(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value < MAX_AMOUNT ? value : undefined
}

/** Largest number of CPUs that a kernel supports (`NR_CPUS`). */
const MAX_CPUS = 8_192

/** Converts nanocores to CPUs. Leaves out more than a machine can have, as kubelets write after a step of the clock. */
export function nanoToCpus(value: unknown): number | undefined {
  const read = nanoToUnits(value)
  return read !== undefined && read <= MAX_CPUS ? read : undefined
}

/** Converts nanoseconds to seconds. */
export function nanoToUnits(value: unknown): number | undefined {
  const read = kubeletNumber(value)
  return read === undefined ? undefined : read / 1e9
}

/** Returns the sum of the present values, `undefined` if all are absent. */
export function sum(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (one, other) => (one === undefined || other === undefined ? (one ?? other) : one + other),
    undefined,
  )
}
