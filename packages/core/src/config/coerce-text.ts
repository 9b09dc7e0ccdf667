import type { JsonSchema } from './config-schema.ts'

/**
 * Turns text from an environment variable into the type that the option's JSON Schema declares, so that a connector's
 * schema needs no coercion of its own. Text that does not fit is returned as it is: the schema then says what is wrong.
 */
export function coerceText(value: unknown, schema: JsonSchema): unknown {
  if (typeof value !== 'string') return value
  const types = acceptedTypes(schema)
  if (types.has('string')) return value
  const text = value.trim()
  if ((types.has('number') || types.has('integer')) && /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text))
    return Number(text)
  if (types.has('boolean') && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  if (types.has('array') && !text.startsWith('[')) {
    const elements = text === '' ? [] : text.split(',').map((element) => element.trim())
    return elements.map((element) => coerceText(element, schema.items ?? {}))
  }
  return types.has('array') || types.has('object') ? parsedJson(text) : value
}

function acceptedTypes(schema: JsonSchema): Set<string> {
  const declared = schema.type === undefined ? [] : [schema.type].flat()
  const alternatives = [schema['anyOf'], schema['oneOf']].flatMap((list) =>
    Array.isArray(list) ? (list as JsonSchema[]) : [],
  )
  const ofEnum = (schema.enum ?? []).map((member) => typeof member)
  const types = new Set([
    ...declared,
    ...ofEnum,
    ...alternatives.flatMap((alternative) => [...acceptedTypes(alternative)]),
  ])
  return types.size > 0 ? types : new Set(['string'])
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
