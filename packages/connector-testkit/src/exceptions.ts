/** The field of `package.json` with the settings of the kit. */
const FIELD = 'rca-kit'

/**
 * Returns the exceptions that a package makes, from the id of the check to the reason: `"rca-kit": { "except": {
 * "TOP-one-describer": "…" } }` in its package.json.
 *
 * @throws {TypeError} if an exception has no reason, or names an unknown check
 */
export function exceptionsOf(
  packageJson: Readonly<Record<string, unknown>> | undefined,
  ids: readonly string[],
): ReadonlyMap<string, string> {
  const settings = packageJson?.[FIELD]
  if (settings === undefined) return new Map()
  const except = isRecord(settings) ? (settings.except ?? {}) : undefined
  if (!isRecord(except))
    throw new TypeError(`\`${FIELD}.except\` in package.json must be an object: ids of checks and reasons`)
  for (const [id, reason] of Object.entries(except)) {
    if (!ids.includes(id)) throw new TypeError(`\`${FIELD}.except\` in package.json names an unknown check: \`${id}\``)
    if (typeof reason !== 'string' || reason.trim() === '')
      throw new TypeError(`\`${FIELD}.except.${id}\` in package.json must be a sentence that says why`)
  }
  return new Map(Object.entries(except) as [string, string][])
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
