import { z } from 'zod'
import { MANIFESTS_NAMESPACE } from '../helm/agent-files.ts'
import type { App, Context } from '../http/context.ts'
import { problems } from '../http/openapi-schemas.ts'
import { ProblemError } from '../http/problem-error.ts'

/** The files are public and the same for every client, so that a proxy may cache them. */
const CACHE_CONTROL = 'public, max-age=300'

const namespaceQuery = z.object({
  namespace: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'Use lower-case letters, digits and `-`')
    .max(63)
    .default(MANIFESTS_NAMESPACE)
    .describe('Namespace in which the agent runs.'),
})

const fileParameter = z.object({ file: z.string().describe('File name from the index, such as `agent-0.1.0.tgz`.') })

/** Serves a Helm repository with the agent's chart, and plain manifests. Neither contains a secret. */
export function addChartRoutes(app: App, { agentFiles }: Context): void {
  const tags = ['deployment']
  const { 404: notFound, 422: invalidQuery } = problems(404, 422)
  const config = { access: 'public' } as const
  const yaml = (description: string) => ({ description, content: { 'application/yaml': { schema: z.string() } } })

  const index = {
    tags,
    operationId: 'readChartIndex',
    summary: 'Read the index of the Helm repository: `helm repo add incident-rca <platform>/charts`',
    response: { 200: yaml('The index, with the digest of the chart.'), 404: notFound },
  }
  app.get('/charts/index.yaml', { config, schema: index }, async (_request, reply) => {
    reply.header('content-type', 'application/yaml').header('cache-control', CACHE_CONTROL).serializer(String)
    return (await readable('chart', () => agentFiles.chart())).index
  })

  const archive = {
    tags,
    operationId: 'readChart',
    summary: 'Download the agent’s Helm chart',
    params: fileParameter,
    response: {
      200: {
        description: 'The packed chart.',
        content: { 'application/gzip': { schema: z.string().meta({ format: 'binary' }) } },
      },
      404: notFound,
    },
  }
  app.get('/charts/:file', { config, schema: archive }, async (request, reply) => {
    const { fileName, archive: bytes } = await readable('chart', () => agentFiles.chart())
    if (request.params.file !== fileName)
      throw new ProblemError(404, `Unknown chart. This platform serves \`${fileName}\`.`)
    // Fastify sends a buffer unchanged; the schema types it as a string.
    return reply
      .header('content-type', 'application/gzip')
      .header('cache-control', CACHE_CONTROL)
      .send(bytes as unknown as string)
  })

  const manifests = {
    tags,
    operationId: 'readManifests',
    summary: 'Read the agent’s manifests for `kubectl apply`, without a token',
    querystring: namespaceQuery,
    response: { 200: yaml('The manifests.'), 404: notFound, 422: invalidQuery },
  }
  app.get('/manifests/agent.yaml', { config, schema: manifests }, async (request, reply) => {
    reply.header('content-type', 'application/yaml').header('cache-control', CACHE_CONTROL).serializer(String)
    return readable('manifests', async () => agentFiles.manifests(request.query.namespace))
  })
}

/** Reads files of the agent's package. @throws {ProblemError} 404 when they cannot be read. */
async function readable<File>(name: string, read: () => Promise<File>): Promise<File> {
  return read().catch((cause: unknown) => {
    throw new ProblemError(
      404,
      `The agent’s ${name} cannot be read. Set \`RCA_AGENT_FOLDER\` to the folder of the agent’s package.`,
      { cause },
    )
  })
}
