import type { createJsonSchemaTransformObject } from 'fastify-type-provider-zod'

const PREFIX = '#/components/schemas/'

export type OpenApiDocument = ReturnType<ReturnType<typeof createJsonSchemaTransformObject>>

/**
 * Leaves out the schemas that nothing points at, and takes the suffix `Input` off those that are only ever sent: the zod
 * provider writes each schema twice, as it is read and as it is answered.
 */
export function tidyComponents(document: OpenApiDocument): OpenApiDocument {
  const { components } = document as { components?: { schemas?: Readonly<Record<string, unknown>> } }
  const schemas = components?.schemas ?? {}
  const used = new Set<string>()
  const visit = (node: unknown): void => {
    for (const name of referencesIn(node)) {
      if (used.has(name)) continue
      used.add(name)
      visit(schemas[name])
    }
  }
  visit({ ...document, components: {} })
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)))
  const text = JSON.stringify({ ...document, components: { ...components, schemas: kept } })
  const renamed = [...used].filter((name) => name.endsWith('Input') && !used.has(name.slice(0, -5)))
  return JSON.parse(text, (_key, value: unknown) => rename(value, renamed)) as OpenApiDocument
}

function referencesIn(node: unknown): string[] {
  return [...JSON.stringify(node ?? null).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name = '']) => name,
  )
}

function rename(value: unknown, names: readonly string[]): unknown {
  if (typeof value === 'string' && value.startsWith(PREFIX))
    return names.includes(value.slice(PREFIX.length)) ? value.slice(0, -5) : value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return names.some((name) => Object.hasOwn(value, name))
    ? Object.fromEntries(
        Object.entries(value).map(([key, child]) => [names.includes(key) ? key.slice(0, -5) : key, child]),
      )
    : value
}
