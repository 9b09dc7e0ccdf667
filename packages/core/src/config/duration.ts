import ms from 'ms'

/** A duration: a whole number and a unit, such as `500ms`, `15s`, `10m`, `1h` or `7d`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

export const DURATION_PATTERN: RegExp = /^\d{1,12}(?:ms|s|m|h|d)$/

/** Converts a duration to milliseconds. @throws {TypeError} if the text is not a duration. */
export function toMilliseconds(duration: Duration): number {
  if (!DURATION_PATTERN.test(duration))
    throw new TypeError(
      `\`${duration}\` is not a duration. Write a whole number and a unit, such as 500ms, 15s, 10m, 1h or 7d`,
    )
  return ms(duration)
}
