import { isHarmless } from './secret-values.ts'

/** A pattern whose last group, or whole match, is the secret. */
export interface Shape {
  readonly pattern: RegExp
  /** Part of every match, which is cheap to search for. */
  readonly needs: RegExp
  readonly isSecret?: (value: string) => boolean
}

/** Makes a shape. Its pattern must have bounded repetitions only. @param isSecret @default every match is a secret */
export function shape(needs: RegExp, pattern: RegExp, isSecret?: (value: string) => boolean): Shape {
  return {
    needs,
    pattern: new RegExp(pattern, `${pattern.flags.replace(/[gd]/g, '')}gd`),
    ...(isSecret && { isSecret }),
  }
}

/** Returns whether a value may be a secret: the opposite of `isHarmless`. */
export function notHarmless(value: string): boolean {
  return !isHarmless(value)
}
