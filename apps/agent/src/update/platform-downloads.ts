import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { verifyMinisign } from '@rca/core'
import { z } from 'zod'
import { findCause } from '../service/heartbeat-watch.ts'
import { ServiceError, toServiceError } from '../service/service-error.ts'
import type { PlatformConnection } from './platform-connection.ts'

/** An archive of the agent on the platform. */
export interface Archive {
  readonly version: string
  readonly name: string
  readonly sha256: string
  /** Bytes, known for the newest archive only. */
  readonly size: number | undefined
}

/** The archives of a platform. Their checksums were signed with the key that the installation has. */
export interface SignedArchives {
  /** Newest version. */
  readonly newest: string
  /** @throws {ServiceError} when the platform does not have this version for this kind of machine */
  find(version: string): Archive
}

const MAX_LIST_BYTES = 1_000_000
const MAX_ARCHIVE_BYTES = 500_000_000
const DOWNLOAD_TIMEOUT_MS = 20 * 60_000

const releaseSchema = z.object({
  version: z.string(),
  files: z.record(z.string(), z.object({ name: z.string(), sha256: z.string(), size: z.int() })),
})

/**
 * Downloads what the platform has, and verifies it with a public key.
 *
 * @param publicKey key of minisign, with or without its comment
 * @param target kind of machine, such as `linux-x64`
 * @throws {ServiceError}
 */
export async function readSignedArchives(
  platform: PlatformConnection,
  publicKey: string,
  target: string,
  signal: AbortSignal,
): Promise<SignedArchives> {
  const read = (name: string): Promise<Buffer> => downloadBytes(platform, name, signal)
  const list = await read('SHA256SUMS')
  const signature = (await read('SHA256SUMS.minisig')).toString()
  try {
    verifyMinisign(list, signature, publicKey)
  } catch (error) {
    throw new ServiceError(
      'wrongSignature',
      `the signature of ${addressOf(platform, 'SHA256SUMS')} is wrong: it ${(error as Error).message}. Nothing was changed. If the platform has a new key, use the command that it shows`,
    )
  }
  const sums = parseSums(list.toString())
  const text = await read('release.json')
  if (sha256(text) !== sums.get('release.json')) throw wrongChecksum('release.json')
  const release = releaseSchema.parse(JSON.parse(text.toString()))
  return {
    newest: release.version,
    find: (version) => {
      const pattern = new RegExp(`^rca-agent-(.+)-${target}\\.tar\\.(?:gz|xz)$`)
      const names = new Map<string, string>()
      for (const file of sums.keys()) {
        const found = pattern.exec(file)?.[1]
        if (found !== undefined) names.set(found, file)
      }
      const newest = version === release.version ? release.files[target] : undefined
      // Older releases may have archives of another format.
      const name = newest?.name ?? names.get(version) ?? ''
      const sum = sums.get(name)
      if (sum !== undefined) return { version, name, sha256: sum, size: newest?.size }
      throw new ServiceError(
        'notOnPlatform',
        `the platform has no version ${version} for ${target}. It has: ${[...names.keys()].join(', ') || 'none'}. Build it there with \`npm run artifacts\`, or choose another --version`,
      )
    },
  }
}

/** Downloads an archive into a file. @throws {ServiceError} when its size or checksum is wrong, among others */
export async function downloadArchive(
  platform: PlatformConnection,
  { name, sha256: expected, size }: Archive,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash('sha256')
  let received = 0
  await pipeline(
    download(platform, name, size ?? MAX_ARCHIVE_BYTES, signal),
    async function* (parts: AsyncIterable<Uint8Array>) {
      for await (const part of parts) {
        hash.update(part)
        received += part.length
        yield part
      }
    },
    createWriteStream(file, { mode: 0o600 }),
  ).catch((error: unknown) => {
    throw toServiceError(error)
  })
  if ((size !== undefined && received !== size) || hash.digest('hex') !== expected) throw wrongChecksum(name)
}

async function downloadBytes(platform: PlatformConnection, name: string, signal: AbortSignal): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of download(platform, name, MAX_LIST_BYTES, signal)) parts.push(part)
  return Buffer.concat(parts)
}

/** Returns a file of the platform in parts. @throws {ServiceError} */
async function* download(
  platform: PlatformConnection,
  name: string,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const url = addressOf(platform, name)
  const response = await request(platform, url, signal)
  let received = 0
  const parts = response.body?.[Symbol.asyncIterator]()
  for (;;) {
    const part = await parts?.next().catch((error: unknown) => {
      signal.throwIfAborted()
      throw new ServiceError(
        'wrongChecksum',
        `the download of ${url} was cut: ${reasonOf(error)}. Run the command again`,
      )
    })
    if (part === undefined || part.done === true) return
    received += part.value.length
    if (received > maxBytes) throw wrongChecksum(name)
    yield part.value
  }
}

async function request(platform: PlatformConnection, url: string, signal: AbortSignal): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]) })
  } catch (error) {
    signal.throwIfAborted()
    throw explain(platform, url, reasonOf(error))
  }
  if (response.ok) return response
  await response.body?.cancel()
  const { status } = response
  if (status === 407 || (status === 403 && platform.hasProxy)) throw refusedByProxy(url, `status ${status}`)
  if (status === 404)
    throw new ServiceError(
      'notOnPlatform',
      `${url} does not exist. Build the archives with \`npm run artifacts\` on the platform`,
    )
  throw new ServiceError('downloadFailed', `the platform answered ${status} to GET ${url}. Run the command again later`)
}

function explain(platform: PlatformConnection, url: string, reason: string): ServiceError {
  const known = findCause(reason)
  if (known !== undefined) return known
  if (platform.hasProxy) return refusedByProxy(url, reason)
  return new ServiceError(
    'downloadFailed',
    `${url} cannot be downloaded: ${reason}. Check the network, name resolution and firewall, or install the agent again with --proxy`,
  )
}

function refusedByProxy(url: string, reason: string): ServiceError {
  return new ServiceError(
    'proxyRefused',
    `${url} cannot be downloaded through the proxy: ${reason}. Install the agent again with another --proxy, or give this machine access through it`,
  )
}

function wrongChecksum(name: string): ServiceError {
  return new ServiceError(
    'wrongChecksum',
    `the checksum of ${name} is wrong: the download was cut or changed, or the platform has new archives. Run the command again`,
  )
}

/** Returns the messages of an error and of its causes: `fetch failed` alone explains nothing. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${reasonOf(cause)}` : message
}

function addressOf({ url }: PlatformConnection, name: string): string {
  return `${url}/downloads/${name}`
}

/** Reads the output of `sha256sum`. */
function parseSums(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^([0-9a-f]{64}) [ *](\S+)$/gm)].map(([, sum = '', name = '']) => [name, sum]))
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
