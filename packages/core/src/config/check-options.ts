import { RcaError } from '../errors/rca-error.ts'
import { nearestName } from './nearest-name.ts'

/**
 * Checks what a program without types gave to a function: an object that holds no unknown option.
 *
 * @throws {RcaError} `RCA_OPTIONS_INVALID`, naming the function and the option, with a suggestion.
 */
export function checkOptions(caller: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new RcaError('RCA_OPTIONS_INVALID', `\`${caller}\` takes an object with ${list(known)}`)
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const meant = nearestName(unknown, known)
  const remedy = meant === undefined ? `It takes ${list(known)}` : `Did you mean \`${meant}\`?`
  throw new RcaError('RCA_OPTIONS_INVALID', `\`${unknown}\` is not an option of \`${caller}\`. ${remedy}`)
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}
