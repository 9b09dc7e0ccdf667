import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A registry of npm packages on loopback, for the packages of some scopes: npm asks its usual one for all others. */
export interface LocalRegistry {
  /** Text of an `.npmrc`: below it, npm asks this registry, and may publish there. */
  readonly settings: string
  /** Environment of npm. */
  readonly environment: Readonly<Record<string, string>>
  /** Adds a packed package. */
  add(tarball: string): Promise<void>
  /** Returns name and version of every package, in the order of their arrival. */
  packages(): string[]
  close(): Promise<void>
}

interface Published {
  readonly manifest: { readonly name: string; readonly version: string }
  readonly file: string
  readonly content: Buffer
}

/** Starts an empty registry. @param scopes such as `@rca` */
export async function startLocalRegistry(scopes: readonly string[]): Promise<LocalRegistry> {
  const published: Published[] = []
  const folder = await mkdtemp(join(tmpdir(), 'rca-registry-'))
  const cache = await isolatedCache(folder)

  const add = async (content: Buffer, file: string): Promise<void> => {
    const path = join(folder, 'package.tgz')
    await writeFile(path, content)
    const { stdout } = await run('tar', ['-xzOf', path, 'package/package.json'])
    published.push({ manifest: JSON.parse(stdout) as Published['manifest'], file, content })
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ([status, body]) => response.writeHead(status).end(Buffer.isBuffer(body) ? body : JSON.stringify(body)),
      (error: Error) => response.writeHead(500).end(JSON.stringify({ error: error.message })),
    )
  })
  const answer = async (request: IncomingMessage): Promise<[status: number, body: unknown]> => {
    const path = decodeURIComponent(new URL(request.url ?? '/', url).pathname).slice(1)
    if (request.method === 'PUT') {
      const attachments = Object.entries((await readJson(request))._attachments ?? {})
      for (const [file, { data }] of attachments) await add(Buffer.from(data, 'base64'), basename(file))
      return [201, { ok: true }]
    }
    if (path.startsWith('-/file/')) {
      const found = published.find(({ file }) => path === `-/file/${file}`)
      return found === undefined ? [404, {}] : [200, found.content]
    }
    const versions = published.filter(({ manifest }) => manifest.name === path)
    const latest = versions.at(-1)?.manifest.version
    if (latest === undefined) return [404, { error: `there is no package ${path}` }]
    return [
      200,
      {
        name: path,
        'dist-tags': { latest },
        versions: Object.fromEntries(versions.map((version) => [version.manifest.version, entryOf(version, url)])),
      },
    ]
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const url = `http://${host}`
  return {
    environment: {
      npm_config_cache: cache,
    },
    // Shells drop environment variables with such names.
    settings: [`//${host}/:_authToken=unused`, ...scopes.map((scope) => `${scope}:registry=${url}/`), ''].join('\n'),
    add: async (tarball) => add(await readFile(tarball), basename(tarball)),
    packages: () => published.map(({ manifest: { name, version } }) => `${name}@${version}`),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * Creates a cache for npm that shares the content of the user's, but not the packages that `npm create` installed: npm
 * would run those of an earlier test.
 */
async function isolatedCache(folder: string): Promise<string> {
  const cache = join(folder, 'cache')
  await mkdir(cache)
  const { stdout } = await run('npm', ['config', 'get', 'cache'])
  const shared = join(stdout.trim(), '_cacache')
  await mkdir(shared, { recursive: true })
  await symlink(shared, join(cache, '_cacache'))
  return cache
}

function entryOf({ manifest, file, content }: Published, url: string) {
  const integrity = `sha512-${createHash('sha512').update(content).digest('base64')}`
  return { ...manifest, dist: { tarball: `${url}/-/file/${file}`, integrity } }
}

async function readJson(request: IncomingMessage) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
    _attachments?: Record<string, { readonly data: string }>
  }
}
