import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publishedTypes } from './published-types.ts'

/** One field of the published API. */
interface PublishedField {
  /** `string`, `Date`, `Array<V1Container>`, `{ [key: string]: string; }`, … */
  readonly type: string
  readonly isRequired: boolean
}

type PublishedType = ReadonlyMap<string, PublishedField>

/**
 * Folder of code that the client library generated from the OpenAPI of a released server. It is read as text and
 * never runs.
 */
const GENERATED = join(import.meta.dirname, '../node_modules/@kubernetes/client-node/dist/gen')

const known = new Map<string, PublishedType | undefined>()

/** The version of the server whose OpenAPI fixtures are compared with: `v1.34.0`. */
export function publishedVersion(): string | undefined {
  return /OpenAPI spec version: (v[\d.]+)/.exec(readFileSync(join(GENERATED, 'models/V1Pod.js'), 'utf8'))?.[1]
}

/** Returns the name of an object's type by `apiVersion` and `kind`. @throws Error for an unknown version */
export function publishedTypeOf({ apiVersion, kind }: Record<string, unknown>): string {
  const [version = '', group = 'core'] = String(apiVersion).split('/').reverse()
  if (group === 'metrics.k8s.io') return String(kind)
  const api = join(GENERATED, `apis/${capitalized(group.replace('.k8s.io', ''))}${capitalized(version)}Api.js`)
  if (!existsSync(api)) throw new Error(`no server has ${String(apiVersion)}`)
  // The core group has events as well.
  const prefix = group === 'events.k8s.io' ? 'Events' : ''
  return `${prefix}${capitalized(version)}${String(kind)}`
}

/** Returns the deviations of a value from the published API: unknown fields, other types, and missing fields. */
export function schemaFaults(value: unknown, type: string, path = type): readonly string[] {
  const item = /^Array<(.*)>$/.exec(type)?.[1]
  if (item !== undefined)
    return Array.isArray(value)
      ? value.flatMap((one, index) => schemaFaults(one, item, `${path}[${index}]`))
      : [`${path} is not a list`]
  const entry = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1]
  if (entry !== undefined)
    return isObject(value)
      ? Object.entries(value).flatMap(([name, one]) => schemaFaults(one, entry, `${path}.${name}`))
      : [`${path} is not a map`]
  const isOfType = scalars[type]
  if (isOfType !== undefined) return isOfType(value) ? [] : [`${path} is not a ${type}`]
  const model = typeNamed(type)
  if (model === undefined) return [`${path}: there is no type ${type}`]
  return isObject(value) ? objectFaults(value, model, path) : [`${path} is not a ${type}`]
}

const scalars: Readonly<Record<string, (value: unknown) => boolean>> = {
  any: () => true,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  IntOrString: (value) => typeof value === 'string' || Number.isInteger(value),
  Date: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value),
  V1MicroTime: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value),
}

function objectFaults(value: Readonly<Record<string, unknown>>, model: PublishedType, path: string): readonly string[] {
  const missing = [...model].filter(([name, { isRequired }]) => isRequired && value[name] === undefined)
  return [
    ...missing.map(([name]) => `${path}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, one]) => {
      const field = model.get(name)
      if (field === undefined) return [`${path}.${name} does not exist`]
      // Servers write a time that is not known as null.
      return one === null && field.type === 'Date' ? [] : schemaFaults(one, field.type, `${path}.${name}`)
    }),
  ]
}

function typeNamed(name: string): PublishedType | undefined {
  if (!known.has(name)) known.set(name, typeOf(publishedTypes[name]) ?? readModel(name))
  return known.get(name)
}

function typeOf(fields: Readonly<Record<string, string>> | undefined): PublishedType | undefined {
  if (fields === undefined) return undefined
  return new Map(
    Object.entries(fields).map(([name, type]) => [name.replace('?', ''), { type, isRequired: !name.endsWith('?') }]),
  )
}

/** Reads a model: types from its map of attributes, required fields from its declaration. */
function readModel(name: string): PublishedType | undefined {
  const file = join(GENERATED, 'models', name)
  if (!existsSync(`${file}.js`)) return undefined
  const [, text] = /\.attributeTypeMap = (\[.*?\n\]);/s.exec(readFileSync(`${file}.js`, 'utf8')) ?? []
  if (text === undefined) throw new Error(`${name} has no map of attributes`)
  const attributes = JSON.parse(text) as { name: string; baseName: string; type: string }[]
  const declaration = readFileSync(`${file}.d.ts`, 'utf8')
  return new Map(
    attributes.map(({ name: called, baseName, type }) => [
      baseName,
      { type, isRequired: declaration.includes(`\n    '${called}': `) },
    ]),
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
