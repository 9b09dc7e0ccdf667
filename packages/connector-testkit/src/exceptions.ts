import type { CheckResult, CheckSeverity } from './check.ts'
import { KIT_FIELD as FIELD, isObject, type JsonObject, kitSetting } from './kit-settings.ts'

/** An exception that a package makes from a check. */
export interface CheckException {
  /** Why the package may fail the check. */
  readonly reason: string
  /** The only names that findings may have, such as those of signals. @default any */
  readonly names?: readonly string[]
}

/**
 * Returns the exceptions that a package makes, by the id of the check. In its package.json: `"rca-kit": { "except": {
 * "TOP-one-describer": "Why." } }`, or `{ "SIG-coverage": { "reason": "Why.", "names": ["acme.queue.full"] } }` for
 * some findings of a check.
 *
 * @throws {TypeError} if an exception has no reason, or names an unknown check
 */
export function exceptionsOf(
  packageJson: JsonObject | undefined,
  ids: readonly string[],
): ReadonlyMap<string, CheckException> {
  return new Map(
    Object.entries(kitSetting(packageJson, 'except') ?? {}).map(([id, value]) => {
      if (!ids.includes(id))
        throw new TypeError(`\`${FIELD}.except\` in package.json names an unknown check: \`${id}\``)
      return [id, exceptionOf(id, value)]
    }),
  )
}

function exceptionOf(id: string, value: unknown): CheckException {
  const { reason, names } = isObject(value) ? value : { reason: value }
  if (typeof reason !== 'string' || reason.trim() === '')
    throw new TypeError(`\`${FIELD}.except.${id}\` in package.json must be a sentence that says why`)
  if (names === undefined) return { reason }
  if (!Array.isArray(names) || names.length === 0 || names.some((name) => typeof name !== 'string'))
    throw new TypeError(`\`${FIELD}.except.${id}.names\` in package.json must be a list of names in findings`)
  return { reason, names: names as string[] }
}

/**
 * Returns the outcome of a check with its exception. A finding is excused by `names` if it has one of them in
 * backticks. An exception that excuses nothing, or a name that no finding has, is a warning.
 */
export function outcomeOf(
  id: string,
  severity: CheckSeverity,
  findings: readonly string[],
  exception: CheckException | undefined,
): Pick<CheckResult, 'status' | 'findings' | 'exception'> & { readonly remedy?: string } {
  const excused = (finding: string): boolean =>
    exception !== undefined && (exception.names?.some((name) => finding.includes(`\`${name}\``)) ?? true)
  const left = findings.filter((finding) => !excused(finding))
  if (left.length > 0) return { status: severity === 'error' ? 'failed' : 'warned', findings: left }
  if (exception === undefined) return { status: 'passed', findings }
  const stale = staleParts(id, findings, exception)
  if (stale.length === 0) return { status: 'excepted', findings, exception: exception.reason }
  return { status: 'warned', findings: stale, remedy: 'Remove from package.json what the package no longer needs.' }
}

function staleParts(id: string, findings: readonly string[], { names }: CheckException): string[] {
  const field = `\`${FIELD}.except.${id}\``
  if (findings.length === 0) return [`the check passes, but package.json excepts it: ${field}`]
  return (names ?? [])
    .filter((name) => !findings.some((finding) => finding.includes(`\`${name}\``)))
    .map((name) => `the check finds nothing about \`${name}\`, but package.json excepts it: ${field}`)
}
