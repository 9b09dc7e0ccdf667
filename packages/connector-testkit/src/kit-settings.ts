/** The field of `package.json` with the settings of the kit. */
export const KIT_FIELD = 'rca-kit'

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Returns a setting of the kit, an object, or `undefined` if package.json does not have it. @throws {TypeError} */
export function kitSetting(packageJson: JsonObject | undefined, name: string): JsonObject | undefined {
  const settings = packageJson?.[KIT_FIELD]
  if (settings === undefined) return undefined
  const value = isObject(settings) ? (settings[name] ?? undefined) : settings
  if (value === undefined || isObject(value)) return value
  throw new TypeError(`\`${KIT_FIELD}.${name}\` in package.json must be an object: names and reasons`)
}

/** Returns true for an object that is not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Returns the permissions that a connector needs, with the use of each in a sentence. In its package.json: `"rca-kit":
 * { "permissions": { "lambda:ListFunctions": "Lists functions." } }`. Returns `undefined` if it declares none.
 *
 * @throws {TypeError} if a permission has no sentence
 */
export function permissionsOf(packageJson: JsonObject | undefined): ReadonlyMap<string, string> | undefined {
  const declared = kitSetting(packageJson, 'permissions')
  if (declared === undefined) return undefined
  return new Map(
    Object.entries(declared).map(([name, use]) => {
      if (typeof use !== 'string' || use.trim() === '')
        throw new TypeError(`\`${KIT_FIELD}.permissions\` in package.json needs a sentence for \`${name}\``)
      return [name, use]
    }),
  )
}
