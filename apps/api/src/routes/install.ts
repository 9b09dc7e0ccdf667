import { createHash } from 'node:crypto'
import { parsePlatformUrl, platformUrlText } from '@rca/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { problems } from '../http/openapi-schemas.ts'
import { ProblemError } from '../http/problem-error.ts'
import type { Artifacts } from '../install/artifacts.ts'
import { INSTALLERS, type Installer, readInstaller, renderInstaller } from '../install/render-installer.ts'
import { sendContent } from '../install/send-content.ts'
import { findArtifacts } from './find-artifacts.ts'

/** The platform of the archive that the formula installs. */
const FORMULA_PLATFORM = 'darwin-arm64'

/** Serves the installers, rendered for this platform. They contain no token. */
export function addInstallRoute(app: App, context: Context): void {
  const { 404: notFound, 416: beyondEnd, 503: broken } = problems(404, 416)
  const schema = {
    tags: ['deployment'],
    operationId: 'readInstaller',
    summary: 'Read the installer of the agent for Linux (`agent.sh`), Windows (`agent.ps1`) or Homebrew (`agent.rb`)',
    description:
      'Contains the address of the platform, the newest version, the SHA-256 of `/downloads/SHA256SUMS` and the public key of its signature. Supports conditional requests and one range per request.',
    params: z.object({ file: z.string().describe('`agent.sh`, `agent.ps1` or `agent.rb`.') }),
    response: {
      200: { description: 'The script.', content: { 'text/plain': { schema: z.string() } } },
      404: notFound,
      416: beyondEnd,
      503: broken,
    },
  }
  const config = { access: 'public' } as const
  const send = async (request: FastifyRequest<{ Params: { file: string } }>, reply: FastifyReply) => {
    const installer = INSTALLERS.find((name) => name === request.params.file)
    if (installer === undefined)
      throw new ProblemError(404, `Unknown installer. This platform has ${INSTALLERS.join(', ')}.`)
    const bytes = Buffer.from(await render(context, installer, await findArtifacts(context)))
    return sendContent(request, reply, {
      type: 'text/plain; charset=utf-8',
      digest: createHash('sha256').update(bytes).digest('hex'),
      size: bytes.length,
      read: (start, end) => bytes.subarray(start, end + 1),
    })
  }
  app.get('/install/:file', { config, schema, exposeHeadRoute: false }, send)
  app.head('/install/:file', { config, schema: { ...schema, hide: true } }, send)
}

/** @throws {ProblemError} 404 when the installer cannot be read, or its archive was not built */
async function render(context: Context, installer: Installer, artifacts: Artifacts): Promise<string> {
  const platformUrl = platformUrlText(parsePlatformUrl(context.publicUrl()))
  const values = {
    PLATFORM_URL: platformUrl,
    VERSION: artifacts.version,
    SUMS_SHA256: artifacts.sumsDigest,
    PUBLIC_KEY: artifacts.publicKey,
    ...(installer === 'agent.rb' ? formulaValues(platformUrl, artifacts) : {}),
  }
  const template = await readInstaller(context.agentFolder, installer).catch((cause: unknown) => {
    throw new ProblemError(
      404,
      'The installer cannot be read. Set `RCA_AGENT_FOLDER` to the folder of the agent’s package.',
      { cause },
    )
  })
  return renderInstaller(installer, template, values)
}

/** A formula contains the address and the checksum of its archive. @throws {ProblemError} 404 */
function formulaValues(platformUrl: string, { archives }: Artifacts): Record<string, string> {
  const archive = archives[FORMULA_PLATFORM]
  if (archive === undefined)
    throw new ProblemError(
      404,
      `This platform has no archive for ${FORMULA_PLATFORM}. Run \`npm run artifacts\` in its repository, without \`--platform\`.`,
    )
  return { ARCHIVE_URL: `${platformUrl}/downloads/${archive.name}`, ARCHIVE_SHA256: archive.sha256 }
}
