import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Signer } from './signing.ts'

export interface Release {
  /** Folder that is published. Archives of other versions stay in it. */
  readonly folder: string
  readonly version: string
  readonly time: Date
  readonly signer: Signer
  /** Archives, and what describes them. */
  readonly files: readonly { readonly name: string; readonly content: Buffer | string }[]
}

const ARCHIVE = /^rca-agent-(.+)-((?:linux|darwin|win)-[^-]+)\.(?:tar\.gz|tar\.xz|zip)$/
const BILL_OF_MATERIALS = /^rca-agent-.+\.cdx\.json$/

/**
 * Writes a release into its folder: the files, `release.json` with the archives of this version, `SHA256SUMS` with
 * everything that can be downloaded, its signature, and the public key.
 */
export function publish({ folder, version, time, signer, files }: Release): void {
  mkdirSync(folder, { recursive: true })
  const write = (name: string, content: Buffer | string): void => {
    // A platform may serve the folder: it never sees half a file.
    const partial = join(folder, `.${name}.partial`)
    writeFileSync(partial, content)
    renameSync(partial, join(folder, name))
  }
  for (const { name, content } of files) write(name, content)
  write('release.json', `${JSON.stringify(describe(folder, version), undefined, 2)}\n`)

  const listed = readdirSync(folder).filter(
    (name) => name === 'release.json' || ARCHIVE.test(name) || BILL_OF_MATERIALS.test(name),
  )
  const sums = Buffer.from(
    listed
      .sort()
      .map((name) => `${sha256(join(folder, name))}  ${name}\n`)
      .join(''),
  )
  write('SHA256SUMS', sums)
  const seconds = Math.floor(time.getTime() / 1000)
  write('SHA256SUMS.minisig', signer.sign(sums, `timestamp:${seconds}\tfile:SHA256SUMS\tversion:${version}`))
  write('rca-agent.pub', signer.publicKey)
}

/** Returns the content of `release.json`: the archives of a version by platform. */
function describe(folder: string, version: string): object {
  const files: Record<string, object> = {}
  for (const name of readdirSync(folder).sort()) {
    const [, itsVersion, platform] = ARCHIVE.exec(name) ?? []
    if (itsVersion !== version || platform === undefined) continue
    const file = join(folder, name)
    files[platform] = { name, sha256: sha256(file), size: statSync(file).size }
  }
  return { version, files }
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
