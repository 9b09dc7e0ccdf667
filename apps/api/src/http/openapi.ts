import swagger from '@fastify/swagger'
import scalar from '@scalar/fastify-api-reference'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { schemaRegistry } from '../routes/schemas.ts'
import { addExamples } from './examples.ts'
import { tidyComponents } from './tidy-components.ts'

/** What the reference may load: itself. Whatever is not listed, above all another host, the browser refuses. */
const REFERENCE_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data: blob:",
  'font-src data:',
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Sentences about fields are in zod's own registry, which the provider does not look at beside one of ours. */
const zodToJsonConfig: NonNullable<Parameters<typeof createJsonSchemaTransform>[0]['zodToJsonConfig']> = {
  override: ({ zodSchema, jsonSchema }) => {
    const description = z.globalRegistry.get(zodSchema)?.description
    if (description !== undefined) jsonSchema.description ??= description
  },
}

const addComponents = createJsonSchemaTransformObject({ schemaRegistry, zodToJsonConfig })

const toJsonSchema = createJsonSchemaTransform({ schemaRegistry, zodToJsonConfig })

/** Puts a route's sentence about its success where the document has one about each answer. */
const describeSuccess: typeof toJsonSchema = (document) => {
  const result = toJsonSchema(document)
  const { success } = document.schema ?? {}
  const response = result.schema?.response as Record<string, Record<string, unknown>> | undefined
  if (success === undefined || response === undefined) return result
  for (const [status, answer] of Object.entries(response))
    if (status.startsWith('2')) answer['$ref' in answer ? 'description' : 'x-response-description'] = success
  return result
}

/** A reader may reach the platform under another address than agents do. */
function serversAt(publicUrl: string): { readonly url: string; readonly description: string }[] {
  return [
    { url: publicUrl.replace(/\/+$/, ''), description: 'As agents reach it.' },
    { url: '/', description: 'Where this document was read.' },
  ]
}

/** Describes every route that is added after it: OpenAPI 3.1 at `/openapi.json`. */
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
          'Provisions environments, receives what agents see, and answers questions about it. Errors are problems (RFC 9457).',
        version,
      },
      tags: [
        { name: 'deployment', description: 'Get an agent into an environment.' },
        { name: 'agents', description: 'What agents call.' },
        { name: 'reading', description: 'What is known.' },
        { name: 'environments', description: 'Environments and their tokens.' },
        { name: 'operations', description: 'The API itself.' },
      ],
      components: {
        securitySchemes: {
          admin: { type: 'http', scheme: 'bearer', description: '`RCA_ADMIN_TOKEN`.' },
          agent: {
            type: 'http',
            scheme: 'bearer',
            description: 'The `agent_token` that an environment was provisioned with.',
          },
        },
      },
    },
    transform: describeSuccess,
    transformObject: (document) => addExamples(tidyComponents(addComponents(document))),
  })
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, () => ({
    ...app.swagger(),
    servers: serversAt(publicUrl()),
  }))
}

/** A readable reference at `/docs`. Everything that it needs comes from this process. */
export const reference: FastifyPluginAsync = async (app) => {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', REFERENCE_POLICY)
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
