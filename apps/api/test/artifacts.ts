import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder with small archives, signed with a key of its own. */
export interface TestArtifacts {
  readonly folder: string
  /** Content of each archive by its name. */
  readonly archives: Readonly<Record<string, Buffer>>
  /** The public key as installers contain it. */
  readonly publicKey: string
  /** Replaces a file, without a new signature. */
  write(name: string, content: string | Buffer): void
}

export function makeArtifacts(version = '1.2.0', platforms = ['linux-x64', 'darwin-arm64', 'win-x64']): TestArtifacts {
  const folder = mkdtempSync(join(tmpdir(), 'rca-artifacts-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const write = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content)
  const names = new Map(
    platforms.map((platform) => [platform, `rca-agent-${version}-${platform}.${formatOf(platform)}`]),
  )
  const archives = Object.fromEntries([...names.values()].map((name) => [name, Buffer.from(`archive ${name}`)]))
  const release = JSON.stringify({
    version,
    files: Object.fromEntries(
      [...names].map(([platform, name]) => {
        const content = archives[name] ?? Buffer.alloc(0)
        return [platform, { name, sha256: sha256(content), size: content.length }]
      }),
    ),
  })
  const files = { ...archives, 'release.json': Buffer.from(release) }
  for (const [name, content] of Object.entries(files)) write(name, content)
  const sums = Object.entries(files).map(([name, content]) => `${sha256(content)}  ${name}\n`)
  const publicKey = signSums(write, Buffer.from(sums.join('')))
  return { folder, archives, publicKey, write }
}

function formatOf(platform: string): string {
  if (platform.startsWith('win')) return 'zip'
  return platform.startsWith('darwin') ? 'tar.xz' : 'tar.gz'
}

/** Writes a list, its minisign signature and the key. Returns the key. */
export function signSums(write: TestArtifacts['write'], sums: Buffer): string {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const bytes = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  const prefix = Buffer.concat([Buffer.from('Ed'), createHash('sha256').update(bytes).digest().subarray(0, 8)])
  const encode = (...parts: readonly Buffer[]): string => Buffer.concat(parts).toString('base64')
  const key = encode(prefix, bytes)
  const signature = sign(null, sums, privateKey)
  const comment = 'file:SHA256SUMS'
  const commented = sign(null, Buffer.concat([signature, Buffer.from(comment)]), privateKey)
  write('SHA256SUMS', sums)
  write(
    'SHA256SUMS.minisig',
    `untrusted comment: signature\n${encode(prefix, signature)}\ntrusted comment: ${comment}\n${encode(commented)}\n`,
  )
  write('rca-agent.pub', `untrusted comment: minisign public key\n${key}\n`)
  return key
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
