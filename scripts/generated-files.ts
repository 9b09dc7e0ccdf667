import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Writes generated files. With `--check` on the command line it compares them with the files on disk instead: it names
 * stale files on standard error, and the process exits with 1.
 *
 * @param files paths from the repository's root, with their text; `undefined` deletes the file
 * @param command the command that writes the files, such as `npm run docs`
 */
export function writeOrCheck(files: ReadonlyMap<string, string | undefined>, command: string): void {
  const stale = [...files].filter(([path, text]) => readIfPresent(join(root, path)) !== text)
  if (process.argv.includes('--check')) {
    for (const [path] of stale) console.error(`${path} is stale. Run \`${command}\` and commit the result.`)
    if (stale.length > 0) process.exitCode = 1
    return
  }
  for (const [path, text] of stale) {
    if (text === undefined) rmSync(join(root, path))
    else {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    console.log(`${text === undefined ? 'Deleted' : 'Wrote'} ${path}.`)
  }
}

/** Returns the text of a file, or `undefined` when the file does not exist. */
function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
