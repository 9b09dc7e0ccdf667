/**
 * Numbers of the kernel are below: it prints a negative number as 2^64 minus its amount. No machine counts as many
 * ticks, sectors or kilobytes.
 */
export const MAX_KERNEL_NUMBER: number = Number.MAX_SAFE_INTEGER

/** Parses the number at the start of a text. Returns `undefined` for none, and for an impossible one. */
export function kernelNumber(text: string): number | undefined {
  const value = Number.parseInt(text, 10)
  return value >= 0 && value < MAX_KERNEL_NUMBER ? value : undefined
}

/** Returns the number after `prefix`, or `undefined` if the text has none or an impossible one. */
export function numberAfter(text: string, prefix: string): number | undefined {
  const start = text.indexOf(prefix)
  return start < 0 ? undefined : kernelNumber(text.slice(start + prefix.length, start + prefix.length + 24))
}
