import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { CheckResult } from '@rca/connector-testkit'
import { CliError } from '../cli-error.ts'
import type { MatrixMachine } from './run-matrix.ts'

const run = promisify(execFile)

const CORE = '@rca/core'
const TESTKIT = '@rca/connector-testkit'

/** Development dependencies that compiled tests do not import. */
const UNUSED = /^(?:typescript$|@types\/|@rca\/)/

/** Time for the checks of one combination. */
const CHECK_TIMEOUT_MS = 900_000

/** Makes the checks with the packages of its folder, and writes the results. */
const CHECKER = `import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { checks, runChecks } from '${TESTKIT}'
import { discoverConnectors } from '${CORE}'

const [type, packageFolder] = process.argv.slice(2)
const registry = await discoverConnectors({ from: fileURLToPath(new URL('package.json', import.meta.url)) })
const module = new URL('tests/test/scenarios.js', import.meta.url)
const scenarios = existsSync(module) ? (await import(module.href)).scenarios : []
const results = await runChecks(checks(await registry.connector(type), { scenarios, packageFolder }))
writeFileSync(new URL('results.json', import.meta.url), JSON.stringify(results))
process.exit()
`

/** Options of `npmMachine`. */
export interface NpmMachineOptions {
  /** Empty folder for everything that is installed. */
  readonly folder: string
  /** Folder of the connector's package, whose `.npmrc` applies. */
  readonly home: string
  readonly name: string
  readonly type: string
  readonly devDependencies: Readonly<Record<string, string>>
  readonly tarball: string
  /** Folder of the compiled tests. Absent if the package has none. */
  readonly tests: string | undefined
}

/** Installs with npm, each version in a folder of its own. */
export function npmMachine(options: NpmMachineOptions): MatrixMachine {
  const { folder, home, name, type, devDependencies, tarball, tests } = options
  const prepare = async (kind: string): Promise<string> => {
    const made = join(folder, kind)
    await mkdir(made, { recursive: true })
    await writeFile(join(made, 'package.json'), '{ "private": true, "type": "module" }\n')
    const settings = join(home, '.npmrc')
    if (existsSync(settings)) await copyFile(settings, join(made, '.npmrc'))
    return made
  }
  const used = Object.entries(devDependencies).filter(([each]) => !UNUSED.test(each))
  return {
    installNode: async (major) => {
      const made = await prepare(`node-${major}`)
      await runNpm(['install', `node@${major}`], made)
      const program = join(made, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
      const { stdout } = await run(program, ['--version'])
      if (!stdout.startsWith(`v${major}.`)) throw new CliError(`npm installed Node.js ${stdout.trim()}, not ${major}`)
      return program
    },
    installPackage: async (version) => {
      const made = await prepare(`core-${version}`)
      // The test kit runs connectors with parts of core of the same version.
      const words = [tarball, `${CORE}@${version}`, `${TESTKIT}@${version}`]
      await runNpm(['install', ...words, ...used.map(([each, range]) => `${each}@${range}`)], made)
      await writeFile(join(made, 'check.js'), CHECKER)
      if (tests !== undefined) await cp(tests, join(made, 'tests'), { recursive: true })
      return made
    },
    check: async (made, node) => {
      const file = join(made, 'results.json')
      await rm(file, { force: true })
      const words = [join(made, 'check.js'), type, join(made, 'node_modules', name)]
      await run(node, words, { cwd: made, timeout: CHECK_TIMEOUT_MS, maxBuffer: 1e8 }).catch((error: unknown) => {
        throw new CliError(`the checks could not be made: ${lastLines(error)}`, { cause: error })
      })
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        throw new CliError('the process of the checks ended without results', { cause: error })
      })
      return JSON.parse(text) as CheckResult[]
    },
  }
}

/** Returns every published version of core, and those with a tag. @throws {CliError} if the registry cannot be asked */
export async function publishedCores(home: string): Promise<{
  readonly versions: readonly string[]
  readonly tags: Readonly<Record<string, string>>
}> {
  const text = await runNpm(['view', CORE, 'versions', 'dist-tags', '--json', '--prefer-online'], home)
  const { versions, 'dist-tags': tags } = JSON.parse(text) as { versions: string | string[]; 'dist-tags': object }
  return { versions: [versions].flat(), tags: tags as Record<string, string> }
}

async function runNpm(words: readonly string[], folder: string): Promise<string> {
  const isWindows = process.platform === 'win32'
  try {
    const settings = ['--no-audit', '--no-fund', '--loglevel=error']
    const options = { cwd: folder, shell: isWindows, maxBuffer: 1e8 }
    return (await run(isWindows ? 'npm.cmd' : 'npm', [...words, ...settings], options)).stdout
  } catch (error) {
    throw new CliError(`npm ${words[0]} failed: ${lastLines(error)}`, { cause: error })
  }
}

function lastLines(error: unknown): string {
  const { stderr = '', message } = error as { readonly stderr?: string; readonly message: string }
  const lines = (stderr.trim() === '' ? message : stderr).trim().split('\n')
  return lines.slice(0, 6).join(' ').slice(0, 500)
}
