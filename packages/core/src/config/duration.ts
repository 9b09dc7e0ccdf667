import ms from 'ms'

/** A span of time as people write it: a whole number and a unit, such as `500ms`, `15s`, `10m`, `1h` or `7d`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** Form of a duration, for schemas and error messages. */
export const DURATION_PATTERN: RegExp = /^\d{1,12}(?:ms|s|m|h|d)$/

/** A duration in milliseconds. @throws {TypeError} when the text is not a duration. */
export function toMilliseconds(duration: Duration): number {
  if (!DURATION_PATTERN.test(duration))
    throw new TypeError(
      `\`${duration}\` is not a duration. Write a whole number and a unit, such as 500ms, 15s, 10m, 1h or 7d`,
    )
  return ms(duration)
}
