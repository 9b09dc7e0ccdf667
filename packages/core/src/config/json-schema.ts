import type { JsonSchema } from './config-schema.ts'

/** Maximum number of nested references and alternatives: a schema may reference itself. */
const MAX_DEPTH = 32

/** Resolves a `$ref` within the same document. Returns other schemas unchanged. */
export function resolveReference(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let resolved = schema
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const reference = resolved.$ref
    if (typeof reference !== 'string' || !reference.startsWith('#')) return resolved
    const target = reference
      .slice(1)
      .split('/')
      .slice(1)
      .map((segment) => decodeURIComponent(segment).replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>((place, key) => (place as Record<string, unknown> | undefined)?.[key], root)
    // Keywords beside `$ref`, such as `writeOnly`, also apply.
    const { $ref: _, ...beside } = resolved
    resolved = { ...(isSchema(target) ? target : {}), ...beside }
  }
  return resolved
}

/** Returns the subschemas that apply to the same value. */
export function partsOf(schema: JsonSchema, keywords = ['anyOf', 'oneOf', 'allOf']): JsonSchema[] {
  return keywords.flatMap((keyword) => {
    const list = schema[keyword]
    return Array.isArray(list) ? list.filter(isSchema) : []
  })
}

/** Returns the texts in a value that its schema marks as secret (`writeOnly`), at any depth. */
export function secretsIn(value: unknown, schema: JsonSchema, root: JsonSchema, depth = 0): string[] {
  if (depth > MAX_DEPTH) return []
  const resolved = resolveReference(schema, root)
  if (resolved.writeOnly === true) return textsIn(value, depth)
  const inside = membersOf(value).flatMap(([key, member]) => {
    const memberSchema = schemaOfMember(resolved, key)
    return memberSchema === undefined ? [] : secretsIn(member, memberSchema, root, depth + 1)
  })
  return [...inside, ...partsOf(resolved).flatMap((part) => secretsIn(value, part, root, depth + 1))]
}

function schemaOfMember(schema: JsonSchema, key: string | number): JsonSchema | undefined {
  const { properties = {}, additionalProperties, items } = schema
  if (typeof key === 'number') {
    const tuple = schema.prefixItems
    return (Array.isArray(tuple) ? (tuple[key] as JsonSchema | undefined) : undefined) ?? items
  }
  if (Object.hasOwn(properties, key)) return properties[key]
  return isSchema(additionalProperties) ? additionalProperties : undefined
}

function textsIn(value: unknown, depth: number): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (typeof value === 'number' || typeof value === 'bigint') return [String(value)]
  return depth > MAX_DEPTH ? [] : membersOf(value).flatMap(([, member]) => textsIn(member, depth + 1))
}

function membersOf(value: unknown): [string | number, unknown][] {
  if (Array.isArray(value)) return [...value.entries()]
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
