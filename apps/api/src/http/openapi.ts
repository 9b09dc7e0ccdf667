import { hash } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import scalar from '@scalar/fastify-api-reference'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Access } from './authentication.ts'
import { examples, PROBLEMS, schemaRegistry } from './openapi-schemas.ts'

/** Lets the reference load only its own files. The browser refuses everything else, above all other hosts. */
const REFERENCE_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data: blob:",
  'font-src data:',
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
]

/** Takes descriptions of fields from zod's own registry, which the provider ignores when it is given another. */
const zodToJsonConfig: NonNullable<Parameters<typeof createJsonSchemaTransform>[0]['zodToJsonConfig']> = {
  override: ({ zodSchema, jsonSchema }) => {
    const description = z.globalRegistry.get(zodSchema)?.description
    if (description !== undefined) jsonSchema.description ??= description
  },
}

const addComponents = createJsonSchemaTransformObject({ schemaRegistry, zodToJsonConfig })

const toJsonSchema = createJsonSchemaTransform({ schemaRegistry, zodToJsonConfig })

/** Describes the token that a route requires, and its successful response by `success` of its schema. */
const describeRoute: typeof toJsonSchema = (document) => {
  const result = toJsonSchema(document)
  const { access = 'admin' } = document.route.config ?? {}
  if (access !== 'public' && result.schema !== undefined) result.schema.security = securityOf(access)
  const { success } = document.schema ?? {}
  const response = result.schema?.response as Record<string, Record<string, unknown>> | undefined
  if (success === undefined || response === undefined) return result
  for (const [status, answer] of Object.entries(response))
    if (status.startsWith('2')) answer['$ref' in answer ? 'description' : 'x-response-description'] = success
  return result
}

/** Lists the alternatives. A scope is the name of a role, which OpenAPI 3.1 allows beside OAuth. */
function securityOf(access: Exclude<Access, 'public'>): Record<string, string[]>[] {
  if (!Array.isArray(access)) return [{ [access as string]: [] }]
  return [...access.map((scope) => ({ access: [scope] })), { admin: [] }]
}

/** Describes every route that is added afterwards: OpenAPI 3.1 at `/openapi.json`. */
export async function describeRoutes(
  app: FastifyInstance,
  { version, publicUrl }: { readonly version: string; readonly publicUrl: () => string },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Incident RCA platform',
        description:
          'Provisions environments for incident root-cause analysis (RCA), receives the reports of agents, and answers queries about them. Errors are problems (RFC 9457).',
        version,
      },
      tags: [
        { name: 'deployment', description: 'Deploy an agent in an environment.' },
        { name: 'agents', description: 'Called by agents.' },
        { name: 'reading', description: 'Query agents and their signals.' },
        { name: 'environments', description: 'Environments and their tokens.' },
        { name: 'access', description: 'Tokens of people and programs.' },
        { name: 'operations', description: 'Operate the API.' },
      ],
      components: {
        securitySchemes: {
          admin: {
            type: 'http',
            scheme: 'bearer',
            description: '`RCA_ADMIN_TOKEN`. Opens every route but the agents’.',
          },
          access: {
            type: 'http',
            scheme: 'bearer',
            description:
              'A token of a person or program, with the scope that the route names: `read`, `provision` or `manage`. It may be limited to environments.',
          },
          agent: {
            type: 'http',
            scheme: 'bearer',
            description:
              'The `agent_token` from provisioning an environment, or the `agent_key` that an agent received for it.',
          },
        },
      },
    },
    transform: describeRoute,
    transformObject: (document) => addExamples(tidyComponents(addComponents(document))),
  })
  let document: object | undefined
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, () => {
    document ??= app.swagger()
    return {
      ...document,
      // A reader may reach the platform under another address than agents do.
      servers: [
        { url: publicUrl().replace(/\/+$/, ''), description: 'Address for agents.' },
        { url: '/', description: 'Address from which this document was read.' },
      ],
    }
  })
}

/** Serves a readable reference at `/docs`, with files of this process only. */
export const reference: FastifyPluginAsync = async (app) => {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
  })
  app.addHook('onSend', async (_request, reply, payload) => {
    const scripts = typeof payload === 'string' ? hashInlineScripts(payload) : []
    reply.header(
      'content-security-policy',
      [...REFERENCE_POLICY, `script-src ${["'self'", ...scripts].join(' ')}`].join('; '),
    )
  })
  await app.register(scalar, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      pageTitle: 'Incident RCA platform API',
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      agent: { disabled: true },
      mcp: { disabled: true },
      showDeveloperTools: 'never',
    },
  })
}

/** Returns the hashes by which a policy permits the scripts inside a page, and no others. */
function hashInlineScripts(html: string): string[] {
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, script = '']) => `'sha256-${hash('sha256', script, 'base64')}'`,
  )
}

const SCHEMA_PREFIX = '#/components/schemas/'

type OpenApiDocument = ReturnType<typeof addComponents>

/**
 * Removes schemas without references, and the suffix `Input` of schemas that only requests use: the zod provider writes
 * each schema twice, once for requests and once for responses.
 */
function tidyComponents(document: OpenApiDocument): OpenApiDocument {
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
  return JSON.parse(text, (_key, value: unknown) => withoutSuffix(value, renamed)) as OpenApiDocument
}

function referencesIn(node: unknown): string[] {
  return [...JSON.stringify(node ?? null).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name = '']) => name,
  )
}

function withoutSuffix(value: unknown, names: readonly string[]): unknown {
  if (typeof value === 'string' && value.startsWith(SCHEMA_PREFIX))
    return names.includes(value.slice(SCHEMA_PREFIX.length)) ? value.slice(0, -5) : value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return names.some((name) => Object.hasOwn(value, name))
    ? Object.fromEntries(
        Object.entries(value).map(([key, child]) => [names.includes(key) ? key.slice(0, -5) : key, child]),
      )
    : value
}

interface Body {
  readonly content?: Readonly<Record<string, { readonly schema?: { readonly $ref?: string }; example?: unknown }>>
}

interface Operation {
  readonly requestBody?: Body
  readonly responses?: Readonly<Record<string, Body>>
}

/** Adds the examples of named schemas to bodies, and an example to every problem. */
function addExamples(document: OpenApiDocument): OpenApiDocument {
  const { paths = {} } = document as { paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>> }
  for (const { requestBody, responses = {} } of Object.values(paths).flatMap((path) => Object.values(path)))
    for (const [status, { content = {} }] of [['', requestBody ?? {}] as const, ...Object.entries(responses)])
      for (const media of Object.values(content)) {
        const name = media.schema?.$ref?.slice(SCHEMA_PREFIX.length) ?? ''
        const example = name === 'Problem' ? exampleProblem(Number(status)) : examples.get(name)
        if (example !== undefined) media.example = example
      }
  return document
}

function exampleProblem(status: number): object {
  const { detail, pointer }: { detail: string; pointer?: string } = PROBLEMS[status as keyof typeof PROBLEMS]
  return {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail: pointer === undefined ? detail : `${pointer}: ${detail}`,
    ...(pointer === undefined ? {} : { errors: [{ pointer, detail }] }),
  }
}
