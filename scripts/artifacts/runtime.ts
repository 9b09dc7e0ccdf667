import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { run } from '@rca/rig'
import { extract } from 'tar-stream'
import type { ArchiveFile } from './archive.ts'
import { type LinuxParts, libatomicOf, NODE_VERSION, PLATFORMS, type Platform } from './platforms.ts'

/** Node for one platform, with what it needs to run. */
export interface Runtime {
  readonly files: readonly ArchiveFile[]
  /** Its parts, for the bill of materials. */
  readonly parts: readonly RuntimePart[]
}

/** A part of the runtime that is not a package of the bundle. */
export interface RuntimePart {
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly license: string
  readonly licenseText: string
  /** Package URL. */
  readonly purl: string
}

/**
 * Prepares Node for a platform: downloads its package from the npm registry, checks its pinned checksum and, for Linux,
 * removes symbols and adds the library that a minimal system lacks.
 */
export async function makeRuntime(platform: Platform): Promise<Runtime> {
  const contents = await downloadPackage(platform)
  const program = contents.get(platform.program)
  if (program === undefined) throw new Error(`${platform.package}@${NODE_VERSION} has no ${platform.program}`)
  const node = {
    name: 'Node.js',
    version: NODE_VERSION,
    license: 'MIT',
    licenseText: (contents.get('LICENSE') ?? (await readLicense())).toString(),
    purl: `pkg:npm/${platform.package}@${NODE_VERSION}`,
  }
  const path = platform.program
  if (platform.linux === undefined) return { files: [{ path, content: program, isExecutable: true }], parts: [node] }
  const libatomic = await readLibatomic(platform.linux)
  return {
    files: [
      { path, content: await slim(program, platform.linux), isExecutable: true },
      { path: 'lib/libatomic.so.1', content: readFileSync(libatomic.file) },
    ],
    parts: [node, libatomic.part],
  }
}

/** Reads Node's licence, for a platform whose package lacks it. It is the same for all platforms. */
async function readLicense(): Promise<Buffer> {
  for (const platform of PLATFORMS) {
    const text = (await downloadPackage(platform)).get('LICENSE')
    if (text !== undefined) return text
  }
  throw new Error(`No package of Node ${NODE_VERSION} has a LICENSE`)
}

/** Downloads a package with npm, which keeps it in its cache. Returns the contents of its files. */
async function downloadPackage({ package: name, integrity, program }: Platform): Promise<Map<string, Buffer>> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-artifacts-'))
  try {
    const options = ['--pack-destination', folder, '--prefer-offline', '--ignore-scripts', '--json']
    const output = await run('npm', ['pack', `${name}@${NODE_VERSION}`, ...options], { cwd: folder, timeout: 600_000 })
    const [packed] = JSON.parse(output) as { filename: string }[]
    const tarball = readFileSync(join(folder, packed?.filename ?? ''))
    const actual = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
    if (actual !== integrity)
      throw new Error(
        `${name}@${NODE_VERSION} has the checksum ${actual}, but scripts/artifacts/platforms.ts expects ${integrity}. Do not use it: find out which of the two is right`,
      )
    return await unpack(tarball, ['LICENSE', program])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Reads files of an npm package. */
async function unpack(tarball: Buffer, names: readonly string[]): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>()
  for await (const entry of Readable.from([tarball]).pipe(createGunzip()).pipe(extract())) {
    const name = entry.header.name.replace(/^package\//, '')
    if (names.includes(name)) contents.set(name, await buffer(entry))
    else entry.resume()
  }
  return contents
}

/** Removes the symbols, half of the file, and lets the program find libraries in `lib` beside its folder. */
async function slim(program: Buffer, { triplet }: LinuxParts): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-artifacts-'))
  try {
    const file = join(folder, 'node')
    writeFileSync(file, program, { mode: 0o755 })
    await run(`${triplet}-strip`, [file])
    await run('patchelf', ['--set-rpath', '$ORIGIN/../lib', file])
    return readFileSync(file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function readLibatomic(parts: LinuxParts): Promise<{ readonly file: string; readonly part: RuntimePart }> {
  const { file, package: name } = libatomicOf(parts)
  const version = await run('dpkg-query', ['--show', '--showformat', '${Version}', name])
  return {
    file,
    part: {
      name: 'libatomic',
      version,
      license: 'GPL-3.0-or-later WITH GCC-exception-3.1',
      licenseText: readFileSync(`/usr/share/doc/${name}/copyright`, 'utf8'),
      purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${parts.debian}`,
    },
  }
}
