import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { CliError } from './cli-error.ts'

/** One run of the compiler. Paths are relative to the package's folder. */
export interface Compilation {
  /** Folders whose sources are compiled. */
  readonly sources: readonly string[]
  /** Patterns of sources that are left out. @default none */
  readonly exclude?: readonly string[]
  /** Folder that corresponds to `output`. */
  readonly root: string
  /** Emptied first. */
  readonly output: string
  /** Writes `.d.ts` files as well. @default false */
  readonly declarations?: boolean
}

/** Folder, in the package, of files that the commands make for themselves. */
export const CACHE = join('node_modules', '.cache', 'rca-connector')

/**
 * Compiles TypeScript with the settings of the package's `tsconfig.json`. Prints the compiler's messages.
 *
 * @throws {CliError} if the sources do not compile
 */
export async function compile(folder: string, compilation: Compilation): Promise<void> {
  const { sources, exclude = [], root, output, declarations = false } = compilation
  const cache = join(folder, CACHE)
  await mkdir(cache, { recursive: true })
  await rm(join(folder, output), { recursive: true, force: true })
  const fromCache = (path: string): string => relative(cache, join(folder, path)).split(sep).join('/') || '.'
  const project = join(cache, `tsconfig.${output.split(sep).at(-1)}.json`)
  const settings = {
    extends: fromCache('tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      rootDir: fromCache(root),
      outDir: fromCache(output),
      declaration: declarations,
      // The test runner shows the lines of the sources; the published package holds no sources.
      inlineSourceMap: !declarations,
    },
    include: sources.map(fromCache),
    exclude: exclude.map(fromCache),
  }
  await writeFile(project, `${JSON.stringify(settings, undefined, 2)}\n`)
  const code = await runNode([await compilerPath(), '--project', project], folder)
  if (code !== 0) throw new CliError('The sources do not compile: correct the errors above.')
}

/** Runs Node.js with the output of this process. Returns its exit code. */
export async function runNode(words: readonly string[], folder: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, { cwd: folder, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

async function compilerPath(): Promise<string> {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json')
  const { bin } = JSON.parse(await readFile(manifest, 'utf8')) as { bin: { tsc: string } }
  return join(dirname(manifest), bin.tsc)
}
