import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { readStaticDescription, STATIC_DESCRIPTION_FILE, type StaticDescription } from '@rca/core'
import { CliError } from './cli-error.ts'

const run = promisify(execFile)

/** A package that npm wrote. */
export interface PackedPackage {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

/** Runs `npm pack`. @throws {CliError} with npm's own reason */
export async function npmPack(folder: string, words: readonly string[]): Promise<PackedPackage> {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  // A silent npm that runs this program would pass its level on, and its own reasons would be missing.
  const { stdout } = await run(npm, ['pack', '--json', '--ignore-scripts', '--loglevel=error', ...words], {
    cwd: folder,
    shell: process.platform === 'win32',
    maxBuffer: 1e8,
  }).catch((error: { readonly stderr?: string; readonly message: string }) => {
    throw new CliError(`npm pack failed: ${(error.stderr ?? error.message).trim()}`, { cause: error })
  })
  // Newer versions of npm print an object with a key for each package.
  const [packed] = Object.values(JSON.parse(stdout) as Readonly<Record<string, PackedPackage>>)
  if (packed === undefined) throw new CliError('npm pack wrote no package.')
  return packed
}

/**
 * Reads `rca.json` of the last published version of a package.
 *
 * @returns the description, or the reason why it cannot be compared
 * @throws {CliError} if the registry cannot be asked
 */
export async function readPublished(home: string, name: string): Promise<StaticDescription | string> {
  const folder = await mkdtemp(join(tmpdir(), 'rca-connector-'))
  try {
    // In the folder of the package, whose .npmrc may name a registry.
    const { filename } = await npmPack(home, [`${name}@latest`, '--prefer-online', '--pack-destination', folder])
    return await readDescription(join(folder, filename))
  } catch (error) {
    if (error instanceof CliError && /\bE404\b/.test(error.message)) return 'no version is published yet'
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Reads `rca.json` of a package's tarball or folder, or the file itself.
 *
 * @returns the description, or the reason why it cannot be used
 */
export async function readDescription(path: string): Promise<StaticDescription | string> {
  const folder = await mkdtemp(join(tmpdir(), 'rca-connector-'))
  try {
    const source = await stat(path)
    if (source.isDirectory()) await copyFile(join(path, STATIC_DESCRIPTION_FILE), join(folder, STATIC_DESCRIPTION_FILE))
    else if (path.endsWith('.json')) await copyFile(path, join(folder, STATIC_DESCRIPTION_FILE))
    else {
      const member = `package/${STATIC_DESCRIPTION_FILE}`
      await run('tar', ['-xzf', resolve(path), '-C', folder, '--strip-components=1', member]).catch(() => undefined)
    }
    if (!(await readdir(folder)).includes(STATIC_DESCRIPTION_FILE)) return `it has no ${STATIC_DESCRIPTION_FILE}`
    const text = await readFile(join(folder, STATIC_DESCRIPTION_FILE), 'utf8')
    const { version, type } = JSON.parse(text) as StaticDescription
    const found = await readStaticDescription(folder, { version, type })
    if (found === undefined) return `it has no ${STATIC_DESCRIPTION_FILE}`
    return 'problem' in found ? found.problem : found
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new CliError(`${path} cannot be read (${(error as Error).message})`, { cause: error })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
