import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { createGzip } from 'node:zlib'
import { run } from '@rca/rig'
import { type Pack, pack } from 'tar-stream'
import { ZipFile } from 'yazl'

/** A file of an archive. */
export interface ArchiveFile {
  /** Path inside the archive, with slashes. */
  readonly path: string
  readonly content: Buffer | string
  /** @default false */
  readonly isExecutable?: boolean
}

/** Level of zlib. Level 9 takes twice as long, and saves 0.2 %. */
const COMPRESSION_LEVEL = 7

/** Time that `xz` has for an archive, in milliseconds: half a minute, and longer on a busy machine. */
const XZ_TIMEOUT_MS = 600_000

/** Packs files as `.tar.gz`. The same files and time give the same bytes. */
export async function packTarGz(files: readonly ArchiveFile[], time: Date): Promise<Buffer> {
  return buffer(packTar(files, time).pipe(createGzip({ level: COMPRESSION_LEVEL })))
}

/**
 * Packs files as `.tar.xz`, a quarter smaller than `.tar.gz`. Needs `xz`. The same files, time and version of `xz` give
 * the same bytes.
 */
export async function packTarXz(files: readonly ArchiveFile[], time: Date): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-artifacts-'))
  try {
    const file = join(folder, 'archive.tar')
    writeFileSync(file, await buffer(packTar(files, time)))
    // A higher level takes several times as long, and saves 10 % at most.
    await run('xz', ['-1', '--threads=1', file], { timeout: XZ_TIMEOUT_MS })
    return readFileSync(`${file}.xz`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function packTar(files: readonly ArchiveFile[], time: Date): Pack {
  const archive = pack()
  const common = { mtime: time, uid: 0, gid: 0 }
  // Folders have entries of their own: without them, their permissions would depend on the umask of who unpacks.
  for (const name of foldersOf(files)) archive.entry({ ...common, name, type: 'directory', mode: 0o755 })
  for (const { path, content, isExecutable } of sorted(files))
    archive.entry({ ...common, name: path, mode: modeOf(isExecutable) }, content)
  archive.finalize()
  return archive
}

/** Packs files as `.zip`. The same files and time give the same bytes, in every time zone. */
export async function packZip(files: readonly ArchiveFile[], time: Date): Promise<Buffer> {
  const archive = new ZipFile()
  // Times of DOS have no zone: this one shows the time in UTC.
  const mtime = new Date(time.getTime() + time.getTimezoneOffset() * 60_000)
  for (const { path, content, isExecutable } of sorted(files))
    archive.addBuffer(Buffer.from(content), path, {
      mtime,
      forceDosTimestamp: true,
      mode: 0o100_000 | modeOf(isExecutable),
      compressionLevel: COMPRESSION_LEVEL,
    })
  archive.end()
  return buffer(archive.outputStream)
}

function sorted(files: readonly ArchiveFile[]): ArchiveFile[] {
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function foldersOf(files: readonly ArchiveFile[]): string[] {
  const folders = new Set<string>()
  for (const { path } of files)
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) folders.add(folder)
  return [...folders].sort()
}

function modeOf(isExecutable = false): number {
  return isExecutable ? 0o755 : 0o644
}
