import { open } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { problems } from '../http/openapi-schemas.ts'
import { ProblemError } from '../http/problem-error.ts'
import { sendContent } from '../install/send-content.ts'
import { findArtifacts } from './find-artifacts.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.gz': 'application/gzip',
  '.xz': 'application/x-xz',
  '.zip': 'application/zip',
  '.json': 'application/json',
}

/** Serves the agent's archives, their checksums and the signature of these. None contains a secret. */
export function addDownloadRoute(app: App, context: Context): void {
  const { 404: notFound, 416: beyondEnd, 503: broken } = problems(404, 416)
  const schema = {
    tags: ['deployment'],
    operationId: 'downloadFile',
    summary: 'Download an archive of the agent, `SHA256SUMS`, its signature or its public key',
    description: '`SHA256SUMS` lists the files. Supports conditional requests and one range per request.',
    params: z.object({ file: z.string().describe('Such as `rca-agent-0.1.0-linux-x64.tar.gz`.') }),
    response: {
      200: {
        description: 'The file.',
        content: { 'application/octet-stream': { schema: z.string().meta({ format: 'binary' }) } },
      },
      404: notFound,
      416: beyondEnd,
      503: broken,
    },
  }
  const config = { access: 'public' } as const
  const download = async (request: FastifyRequest<{ Params: { file: string } }>, reply: FastifyReply) => {
    const { file: name } = request.params
    const digest = (await findArtifacts(context)).digests.get(name)
    if (digest === undefined)
      throw new ProblemError(404, 'Unknown file. `/downloads/SHA256SUMS` lists the files of this platform.')
    return sendFile(request, reply, join(context.artifactsFolder, name), digest)
  }
  app.get('/downloads/:file', { config, schema, exposeHeadRoute: false }, download)
  app.head('/downloads/:file', { config, schema: { ...schema, hide: true } }, download)
}

/** @throws {ProblemError} 404 when the file was removed, 416 */
async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  digest: string,
): Promise<FastifyReply> {
  const file = await open(path).catch((cause: unknown) => {
    throw new ProblemError(404, 'This file was removed. Build it again with `npm run artifacts`.', { cause })
  })
  let isStreamed = false
  try {
    return sendContent(request, reply, {
      type: TYPES[extname(path)] ?? 'text/plain; charset=utf-8',
      digest,
      size: (await file.stat()).size,
      read: (start, end) => {
        isStreamed = true
        return file.createReadStream({ start, end })
      },
    })
  } finally {
    // A stream closes the file by itself.
    if (!isStreamed) await file.close()
  }
}
