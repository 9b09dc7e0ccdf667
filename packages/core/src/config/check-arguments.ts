import { RcaError } from '../errors/rca-error.ts'
import { nearestName } from './nearest-name.ts'

/** Checks the options of callers without TypeScript. @throws {RcaError} `RCA_OPTIONS_INVALID`, with a suggestion. */
export function checkArguments(caller: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new RcaError('RCA_OPTIONS_INVALID', `\`${caller}\` must be called with an object of options: ${list(known)}`)
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const meant = nearestName(unknown, known)
  const remedy = meant === undefined ? `The options are ${list(known)}` : `Did you mean \`${meant}\`?`
  throw new RcaError('RCA_OPTIONS_INVALID', `\`${unknown}\` is not an option of \`${caller}\`. ${remedy}`)
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}
