import { execFileSync, spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { temporaryDirectory } from './fakes.ts'

const PLATFORM = `linux-${process.arch}`

/**
 * Program of a fake archive. `service install` makes the version current, as the real one does, and prints how it was
 * called; `service uninstall` prints only that.
 */
const FAKE_AGENT = `#!/bin/sh
echo "called with $*"
echo "token $AGENT_TOKEN, key $RCA_PUBLIC_KEY, proxy \${HTTPS_PROXY-}"
[ "$2" = install ] || exit 0
case $* in *--dry-run*) exit 0 ;; esac
folder=$(cd -P "$(dirname "$0")/.." && pwd)
prefix=$(dirname "$(dirname "$folder")")
[ "$(cut -d ' ' -f 1 "$prefix/.lock")" = "$$" ] && echo 'has the lock' && rm "$prefix/.lock"
ln -sfn "versions/$(basename "$folder")" "$prefix/current"
exit "\${FAKE_EXIT_CODE:-0}"
`

/** Files of a platform's downloads, by name. */
export interface FakeArchives {
  readonly files: Map<string, Buffer>
  /** Name of the archive of the newest version. */
  readonly archive: string
  /** Text of the public key's file. */
  readonly publicKey: string
  /** The template of the repository with its values, as the platform renders it. */
  render(platformUrl: string): string
}

interface FakeArchiveOptions {
  /** Signs in place of the published key. */
  readonly key?: KeyObject
  /** Compression of the archives. @default 'gz' */
  readonly format?: 'gz' | 'xz'
}

/** Makes signed archives, whose agents only print how they were called. The last version is the newest. */
export function makeArchives(
  versions: readonly string[] = ['1.0.0'],
  { key, format = 'gz' }: FakeArchiveOptions = {},
): FakeArchives {
  const files = new Map<string, Buffer>()
  const archiveName = (version: string): string => `${folderName(version)}.tar.${format}`
  for (const version of versions) {
    const name = archiveName(version)
    files.set(name, makeArchive(version, format))
  }
  const newest = archiveName(versions.at(-1) ?? '')
  const content = files.get(newest) ?? Buffer.alloc(0)
  const described = { [PLATFORM]: { name: newest, sha256: sha256(content), size: content.length } }
  files.set('release.json', Buffer.from(JSON.stringify({ version: versions.at(-1), files: described })))
  const sums = [...files].map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`).join('')
  files.set('SHA256SUMS', Buffer.from(sums))
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const keyId = Buffer.from('12345678')
  const signature = sign(null, Buffer.from(sums), key ?? privateKey)
  const line = Buffer.concat([Buffer.from('Ed'), keyId, signature]).toString('base64')
  const global = sign(null, Buffer.concat([signature, Buffer.from('x')]), key ?? privateKey).toString('base64')
  files.set('SHA256SUMS.minisig', Buffer.from(`untrusted comment: x\n${line}\ntrusted comment: x\n${global}\n`))
  const bytes = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const values: Readonly<Record<string, string>> = {
    VERSION: versions.at(-1) ?? '',
    SUMS_SHA256: sha256(sums),
    PUBLIC_KEY: Buffer.concat([Buffer.from('Ed'), keyId, bytes]).toString('base64'),
  }
  return {
    files,
    archive: newest,
    publicKey: `untrusted comment: x\n${values.PUBLIC_KEY}\n`,
    render: (platformUrl) =>
      TEMPLATE.replaceAll(/@([A-Z0-9_]+)@/g, (_all, name: string) => `'${values[name] ?? platformUrl}'`),
  }
}

export const TEMPLATE: string = readFileSync(new URL('../install/agent.sh', import.meta.url), 'utf8')

function folderName(version: string): string {
  return `rca-agent-${version}-${PLATFORM}`
}

function makeArchive(version: string, format: 'gz' | 'xz'): Buffer {
  const parent = temporaryDirectory()
  const top = folderName(version)
  const folder = join(parent, top)
  mkdirSync(join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'VERSION'), `${version}\n`)
  writeFileSync(join(folder, 'bin/rca-agent'), FAKE_AGENT)
  chmodSync(join(folder, 'bin/rca-agent'), 0o755)
  symlinkSync(process.execPath, join(folder, 'bin/node'))
  execFileSync('tar', [format === 'xz' ? '-cJf' : '-czf', 'archive', top], { cwd: parent })
  return readFileSync(join(parent, 'archive'))
}

function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex')
}

export interface ScriptResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script as `curl … | SHELL -s -- words` does. */
export async function runScript(
  shell: readonly string[],
  script: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ScriptResult> {
  const [program = 'sh', ...before] = shell
  const { PATH = '' } = process.env
  const child = spawn(program, [...before, '-s', '--', ...words], { env: { PATH, ...environment } })
  child.stdin.on('error', () => undefined)
  child.stdin.end(script)
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 128))),
  ])
  return { code, stdout, stderr }
}
