import { type ExecFileException, execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { nearestName } from '../config/nearest-name.ts'
import { RcaError } from '../errors/rca-error.ts'
import { isSecretName } from '../redaction/secret-names.ts'
import type { InstalledConnector } from './list-connectors.ts'

/** Options of {@link addConnectors} and {@link removeConnectors}. */
export interface ChangeConnectorsOptions {
  /** The folder of connectors. Created if it does not exist. */
  readonly folder: string
  /** Names of packages, `name@version`, tarballs (a path or an address) or folders. To remove, names alone. */
  readonly packages: readonly string[]
  /** Prints what `listConnectors` finds in `RCA_CONNECTORS`, a line of JSON. @default this program, `list --json` */
  readonly listCommand?: readonly string[]
}

/** Entries of a folder of connectors, in the order in which they are replaced. */
const ENTRIES = ['node_modules', 'tarballs', 'package-lock.json', '.npmrc', 'package.json']

/** Prefix of the folder in which a change is prepared. The id of the process follows. */
const STAGING = '.changing-'

/** A package of thousands of files on a slow disk, or a slow registry. */
const NPM_TIMEOUT_MS = 600_000

/** Twice the time that a connector may take to load. */
const LIST_TIMEOUT_MS = 120_000

/** End of a process's output in an error, in UTF-16 code units. */
const MAX_OUTPUT = 2_000

/** Options of npm. Core is the host's own copy, so peers are left out; a connector's scripts would run as this user. */
const NPM_OPTIONS = ['--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']

/**
 * Installs connectors into a folder with npm, and loads each in a process of its own. Does not run install scripts. The
 * folder changes only if all of them can be used.
 *
 * @throws {RcaError} if npm is missing or fails, or a package is not a usable connector.
 */
export async function addConnectors(options: ChangeConnectorsOptions): Promise<InstalledConnector[]> {
  const { folder, packages } = options
  return inStaging(folder, async (staging) => {
    const specs: { readonly spec: string; readonly name: string }[] = []
    for (const wanted of packages) specs.push(await specOf(wanted, staging))
    await npm(staging, ['install', ...NPM_OPTIONS, '--save-exact', ...specs.map(({ spec }) => spec)])
    const dependencies = await readDependencies(staging)
    const names = specs.map(({ spec, name }) => keyOf(dependencies, spec) ?? name)
    await removeUnusedTarballs(staging, Object.values(dependencies))
    const installed = await listInProcess(staging, names, options.listCommand ?? ownListCommand())
    return names.map((name) => {
      const found = installed.find((connector) => connector.package === name)
      const problem = found === undefined ? `The package ${name} is not installed.` : found.problem
      if (problem === undefined && found !== undefined) return found
      throw new RcaError('RCA_CONNECTOR_INVALID', `${name} is not added. ${problem?.replaceAll(staging, folder)}`)
    })
  })
}

/** Removes connectors from a folder by the names of their packages. @throws {RcaError} for others, or if npm fails */
export async function removeConnectors({ folder, packages }: ChangeConnectorsOptions): Promise<void> {
  await inStaging(folder, async (staging) => {
    const known = Object.keys(await readDependencies(staging))
    const unknown = packages.find((name) => !known.includes(name))
    if (unknown !== undefined) {
      const meant = nearestName(unknown, known)
      const remedy = meant === undefined ? `It has ${known.join(', ') || 'none'}.` : `Did you mean ${meant}?`
      throw new RcaError('RCA_OPTIONS_INVALID', `The folder ${folder} has no connector ${unknown}. ${remedy}`)
    }
    await npm(staging, ['uninstall', ...NPM_OPTIONS, ...packages])
    await removeUnusedTarballs(staging, Object.values(await readDependencies(staging)))
  })
}

/** Copies the folder into one inside it, which may be a volume, and takes over the copy when `change` has succeeded. */
async function inStaging<Result>(folder: string, change: (staging: string) => Promise<Result>): Promise<Result> {
  const staging = join(folder, `${STAGING}${process.pid}`)
  try {
    await mkdir(folder, { recursive: true })
    await removeAbandoned(folder)
    await mkdir(staging)
  } catch (error) {
    throw error instanceof RcaError ? error : folderError(folder, error)
  }
  try {
    for (const entry of ENTRIES)
      if (existsSync(join(folder, entry)))
        await cp(join(folder, entry), join(staging, entry), { recursive: true, verbatimSymlinks: true })
    if (!existsSync(join(staging, 'package.json')))
      await writeFile(
        join(staging, 'package.json'),
        `${JSON.stringify({ private: true, description: 'Connectors of RCA_CONNECTORS' }, undefined, 2)}\n`,
      )
    const result = await change(staging)
    await takeOver(staging, folder)
    return result
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Removes what an interrupted change has left. @throws {RcaError} while another process changes the folder */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(STAGING)) continue
    const pid = Number(name.slice(STAGING.length))
    if (pid !== process.pid && isRunning(pid))
      throw new RcaError(
        'RCA_CONNECTORS_FOLDER_INVALID',
        `Process ${pid} is changing the folder ${folder}. Wait until it has ended, or delete ${join(folder, name)}`,
      )
    await rm(join(folder, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Replaces the entries of a folder. Restores them if one cannot be replaced. */
async function takeOver(staging: string, folder: string): Promise<void> {
  const undo: (() => Promise<void>)[] = []
  const move = async (from: string, to: string): Promise<void> => {
    if (!existsSync(from)) return
    await rename(from, to)
    undo.unshift(() => rename(to, from))
  }
  try {
    for (const entry of ENTRIES) {
      await move(join(folder, entry), join(staging, `old-${entry}`))
      await move(join(staging, entry), join(folder, entry))
    }
  } catch (error) {
    for (const step of undo) await step()
    throw folderError(folder, error)
  }
}

function folderError(folder: string, error: unknown): RcaError {
  const { message } = error as Error
  return new RcaError(
    'RCA_CONNECTORS_FOLDER_INVALID',
    `The folder ${folder} cannot be changed: ${message}. Set RCA_CONNECTORS to a folder that this user may write`,
    { cause: error },
  )
}

const REGISTRY_SPEC = /^((?:@[\w.~-]+\/)?[\w.~-]+)(?:@[^/]+)?$/

/** Returns what npm installs. Keeps a copy of a tarball beside it, so that the folder can be moved. */
async function specOf(wanted: string, staging: string): Promise<{ spec: string; name: string }> {
  const isAddress = /^https?:/.test(wanted)
  // As npm does, takes a bare name for that of a package, even if a folder has the same name.
  const isFile =
    !isAddress && (/^[./]|\.tgz$|\.tar\.gz$|\\/.test(wanted) || (wanted.includes('/') && existsSync(wanted)))
  if (!isFile && !isAddress) {
    const [, name] = REGISTRY_SPEC.exec(wanted) ?? []
    if (name !== undefined && !wanted.startsWith('-')) return { spec: wanted, name }
    throw new RcaError(
      'RCA_OPTIONS_INVALID',
      `\`${wanted}\` cannot be added. Write the name of a package, such as @acme/rca-connector-queues@1.2.0, or the path of a tarball or folder`,
    )
  }
  if (isFile && !existsSync(wanted))
    throw new RcaError('RCA_OPTIONS_INVALID', `\`${wanted}\` cannot be added: it does not exist. Correct the path`)
  const tarball = isFile && (await stat(wanted)).isFile() ? resolve(wanted) : await packed(wanted, staging)
  // npm remembers the checksum of a tarball by its path.
  const hash = createHash('sha256')
    .update(await readFile(tarball))
    .digest('hex')
  const file = `tarballs/${basename(tarball).replace(/\.(?:tgz|tar\.gz)$/, '')}-${hash.slice(0, 8)}.tgz`
  await mkdir(join(staging, 'tarballs'), { recursive: true })
  await cp(tarball, join(staging, file))
  return { spec: `file:${file}`, name: wanted }
}

/** Packs a folder, or downloads a tarball. Returns its path. */
async function packed(wanted: string, staging: string): Promise<string> {
  const folder = join(staging, 'packed')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  const source = /^https?:/.test(wanted) ? wanted : resolve(wanted)
  await npm(staging, ['pack', source, '--pack-destination', folder, '--loglevel=error'])
  const [name] = await readdir(folder)
  if (name === undefined)
    throw new RcaError('RCA_CONNECTOR_INVALID', `\`${wanted}\` cannot be added: npm packed nothing from it`)
  return join(folder, name)
}

function keyOf(dependencies: Readonly<Record<string, string>>, spec: string): string | undefined {
  return Object.keys(dependencies).find((name) => dependencies[name] === spec)
}

async function removeUnusedTarballs(staging: string, specs: readonly string[]): Promise<void> {
  const folder = join(staging, 'tarballs')
  if (!existsSync(folder)) return
  for (const name of await readdir(folder)) if (!specs.includes(`file:tarballs/${name}`)) await rm(join(folder, name))
}

async function readDependencies(folder: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(join(folder, 'package.json'), 'utf8')
  try {
    return (JSON.parse(text) as { dependencies?: Record<string, string> }).dependencies ?? {}
  } catch (error) {
    throw new RcaError(
      'RCA_CONNECTORS_FOLDER_INVALID',
      `The package.json of the folder of connectors cannot be read: ${(error as Error).message}. Correct it`,
    )
  }
}

/** Runs npm in a folder. @throws {RcaError} with what npm printed */
async function npm(folder: string, words: readonly string[]): Promise<void> {
  // On Windows, npm is a script that only a shell starts. Its code is beside Node.
  const [program, ...before] =
    process.platform === 'win32'
      ? [process.execPath, join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js')]
      : ['npm']
  const { error, stderr } = await run([program ?? '', ...before, ...words, '--prefix', folder], {
    cwd: folder,
    env: process.env,
    timeout: NPM_TIMEOUT_MS,
  })
  if (error === undefined) return
  if (error.code === 'ENOENT')
    throw new RcaError(
      'RCA_NPM_MISSING',
      'Connectors are installed with npm, but `npm` is not in the search path. Install npm, or fill the folder on a machine that has it',
    )
  const reason = stderr
    .split('\n')
    .filter((line) => line !== '' && !line.includes('complete log of this run'))
    .map((line) => line.replace(/^npm error /, ''))
    .join('\n')
  throw new RcaError('RCA_NPM_FAILED', `npm ${words[0]} failed, and nothing was changed:\n${reason || error.message}`, {
    cause: error,
  })
}

function ownListCommand(): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'list', '--json']
}

/** Lists the connectors of a folder in a process without secrets: code that it loads may do anything. */
async function listInProcess(
  folder: string,
  added: readonly string[],
  command: readonly string[],
): Promise<InstalledConnector[]> {
  const plain = Object.entries(process.env).filter(([name]) => !isSecretName(name.toLowerCase()))
  const { error, stdout, stderr } = await run(command, {
    env: { ...Object.fromEntries(plain), RCA_CONNECTORS: folder },
    timeout: LIST_TIMEOUT_MS,
  })
  const [line = ''] = stdout.trim().split('\n').slice(-1)
  if (error === undefined && line.startsWith('[')) return JSON.parse(line) as InstalledConnector[]
  const end = error?.killed === true ? 'took too long' : `ended with exit code ${String(error?.code ?? 0)}`
  throw new RcaError(
    'RCA_CONNECTOR_INVALID',
    `${added.join(', ')}: the process that loads the connectors ${end}, and nothing was changed. Correct or update the package. ${stderr.trim().slice(-MAX_OUTPUT)}`.trim(),
  )
}

interface RunOptions {
  readonly cwd?: string
  readonly env: NodeJS.ProcessEnv
  readonly timeout: number
}

interface Outcome {
  readonly error: ExecFileException | undefined
  readonly stdout: string
  readonly stderr: string
}

function run([program = '', ...words]: readonly string[], options: RunOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    const settings = { ...options, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024, windowsHide: true } as const
    execFile(program, words, settings, (error, stdout, stderr) =>
      resolve({ error: error ?? undefined, stdout, stderr }),
    )
  })
}
