import { z } from 'zod'
import { MANIFESTS_NAMESPACE } from '../helm/agent-files.ts'
import type { App, Context } from '../http/context.ts'
import { ProblemError } from '../http/problem-error.ts'
import { problems } from './schemas.ts'

/** Public, and the same for everyone: a proxy may keep them for as long as an update may take to arrive. */
const CACHE = 'public, max-age=300'

const namespaceQuery = z.object({
  namespace: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'Use lower-case letters, digits and `-`')
    .max(63)
    .default(MANIFESTS_NAMESPACE)
    .describe('Namespace in which the agent shall run.'),
})

const fileParameter = z.object({ file: z.string().describe('Such as `agent-0.1.0.tgz`, as the index says.') })

/** A Helm repository with the agent's chart, and the same as plain manifests. Neither holds a secret. */
export function addChartRoutes(app: App, { agentFiles }: Context): void {
  const tags = ['deployment']
  const { 404: absent, 422: unfit } = problems(404, 422)
  const config = { access: 'public' } as const
  const yaml = (description: string) => ({ description, content: { 'application/yaml': { schema: z.string() } } })

  const index = {
    tags,
    operationId: 'readChartIndex',
    summary: 'The index of the Helm repository: `helm repo add incident-rca <platform>/charts`',
    response: { 200: yaml('The index, with the digest of the chart.'), 404: absent },
  }
  app.get('/charts/index.yaml', { config, schema: index }, async (_request, reply) => {
    reply.header('content-type', 'application/yaml').header('cache-control', CACHE).serializer(String)
    return (await agentFiles.chart()).index
  })

  const archive = {
    tags,
    operationId: 'readChart',
    summary: 'The agent’s Helm chart',
    params: fileParameter,
    response: {
      200: {
        description: 'The packed chart.',
        content: { 'application/gzip': { schema: z.string().meta({ format: 'binary' }) } },
      },
      404: absent,
    },
  }
  app.get('/charts/:file', { config, schema: archive }, async (request, reply) => {
    const { fileName, archive: bytes } = await agentFiles.chart()
    if (request.params.file !== fileName)
      throw new ProblemError(404, `There is no such chart. This platform has \`${fileName}\`.`)
    // Fastify sends a buffer as it is; its type is that of the description.
    return reply
      .header('content-type', 'application/gzip')
      .header('cache-control', CACHE)
      .send(bytes as unknown as string)
  })

  const manifests = {
    tags,
    operationId: 'readManifests',
    summary: 'The agent’s manifests for `kubectl apply`, which hold no token',
    querystring: namespaceQuery,
    response: { 200: yaml('The manifests.'), 404: absent, 422: unfit },
  }
  app.get('/manifests/agent.yaml', { config, schema: manifests }, (request, reply) => {
    reply.header('content-type', 'application/yaml').header('cache-control', CACHE).serializer(String)
    return agentFiles.manifests(request.query.namespace)
  })
}
