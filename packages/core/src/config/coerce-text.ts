import type { JsonSchema } from './config-schema.ts'
import { partsOf, resolveReference } from './json-schema.ts'

/**
 * Converts text from an environment variable to the type that the option's JSON Schema declares. Returns text that
 * cannot be converted unchanged: the schema then reports the problem.
 */
export function coerceText(value: unknown, schema: JsonSchema, root: JsonSchema = schema): unknown {
  if (typeof value !== 'string') return value
  const resolved = resolveReference(schema, root)
  const types = acceptedTypes(resolved, root)
  if (types.has('string')) return value
  const text = value.trim()
  if ((types.has('number') || types.has('integer')) && /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text))
    return Number(text)
  if (types.has('boolean') && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  if (types.has('array') && !text.startsWith('[')) {
    const elements = text === '' ? [] : text.split(',').map((element) => element.trim())
    return elements.map((element) => coerceText(element, resolved.items ?? {}, root))
  }
  return types.has('array') || types.has('object') ? parsedJson(text) : value
}

function acceptedTypes(schema: JsonSchema, root: JsonSchema, depth = 0): Set<string> {
  const declared = schema.type === undefined ? [] : [schema.type].flat()
  const ofEnum = (schema.enum ?? []).map((member) => typeof member)
  // A schema may reference itself.
  const alternatives = depth > 8 ? [] : partsOf(schema, ['anyOf', 'oneOf'])
  const ofAlternatives = alternatives.flatMap((alternative) => [
    ...acceptedTypes(resolveReference(alternative, root), root, depth + 1),
  ])
  const types = new Set([...declared, ...ofEnum, ...ofAlternatives])
  return types.size > 0 ? types : new Set(['string'])
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
