import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from './user-shell.ts'

const run = promisify(execFile)

/** A copy of the repository's sources in a temporary folder, with the installed dependencies. */
export interface RepositoryCopy {
  /** Creates a file, or replaces its text. */
  write(path: string, text: string): void
  read(path: string): string
  /** Runs a program of the repository's dependencies in the copy. Returns its output. */
  run(program: string, words: readonly string[]): Promise<string>
  remove(): void
}

/** Copies every file that git tracks or would track. */
export async function copyRepository(): Promise<RepositoryCopy> {
  const home = mkdtempSync(join(tmpdir(), 'rca-copy-'))
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
    maxBuffer: 1e7,
  })
  for (const path of stdout.split('\0').filter((name) => name !== '' && existsSync(join(repository, name))))
    cpSync(join(repository, path), join(home, path))
  symlinkSync(join(repository, 'node_modules'), join(home, 'node_modules'))
  // Relative links: `@rca/core` of a copied package is the copied core.
  for (const folder of globSync('{packages,apps}/*/node_modules', { cwd: repository }))
    cpSync(join(repository, folder), join(home, folder), { recursive: true, verbatimSymlinks: true })

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), text)
  }
  return {
    write,
    read: (path) => readFileSync(join(home, path), 'utf8'),
    run: async (program, words) => {
      const command = join(home, 'node_modules/.bin', program)
      const { stdout: output } = await run(command, words, { cwd: home, maxBuffer: 1e7 }).catch((error: unknown) => {
        throw new Error(`${program} ${words.join(' ')} failed:\n${(error as { stdout?: string }).stdout}`, {
          cause: error,
        })
      })
      return output
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  }
}
