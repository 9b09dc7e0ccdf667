import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from './isolated/child-environment.ts'

/** Record of a process that imported a connector's package. */
export interface ImportRecord {
  /** Why the import failed. */
  readonly error?: string
  /** Connectors that the module exports. */
  readonly exported: readonly { readonly type: string; readonly title: string; readonly description: string }[]
  /** CPU time of the import, in milliseconds. */
  readonly cpuMs: number
  /** Names of what the import changed: prototypes, globals, environment variables. */
  readonly changed: readonly string[]
  /** Kinds of resources that the import left open. */
  readonly open: readonly string[]
  /** Packages that the import loaded. */
  readonly loaded: readonly string[]
}

/** How a process ended that imported a package. */
export interface ImportOutcome {
  /** Absent if the import did not end. */
  readonly record?: ImportRecord
  readonly exitCode: number | null
  readonly printed: string
}

/** The package of the connector that is checked. */
export interface PackageUnderCheck {
  readonly folder: string
  /** Its package.json. */
  readonly json: Readonly<Record<string, unknown>>
  has(file: string): boolean
  /** Imports the package in a process of its own, once. */
  imported(): Promise<ImportOutcome>
  /** Imports the package again. */
  importedAgain(): Promise<ImportOutcome>
}

/** As in core: code that takes longer to load waits for something, perhaps for ever. */
const IMPORT_TIMEOUT_MS = 60_000

const CHILD = fileURLToPath(new URL(`./import-package${extname(import.meta.url)}`, import.meta.url))

/** Opens a package's folder. @throws {TypeError} if it has no readable package.json */
export function openPackage(folder: string, nodeArguments: readonly string[]): PackageUnderCheck {
  let imported: Promise<ImportOutcome> | undefined
  return {
    folder,
    json: readPackageJson(folder),
    has: (file) => existsSync(join(folder, file)),
    imported: () => {
      imported ??= importInChild(folder, nodeArguments)
      return imported
    },
    importedAgain: () => importInChild(folder, nodeArguments),
  }
}

function readPackageJson(folder: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>
    throw new Error('it must contain an object')
  } catch (error) {
    throw new TypeError(`\`packageFolder\` must be the folder of a package: ${(error as Error).message}`)
  }
}

function importInChild(folder: string, nodeArguments: readonly string[]): Promise<ImportOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeArguments, CHILD, folder], {
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    })
    let printed = ''
    let record: ImportRecord | undefined
    const timer = setTimeout(() => child.kill('SIGKILL'), IMPORT_TIMEOUT_MS)
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    child.on('message', (message) => {
      record = message as ImportRecord
    })
    child.on('error', reject)
    child.on('close', (exitCode) => {
      clearTimeout(timer)
      resolve({ ...(record === undefined ? {} : { record }), exitCode, printed })
    })
  })
}
