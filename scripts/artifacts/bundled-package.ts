import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'

/** A package of the npm registry, or of this repository, whose code an archive contains. */
export interface BundledPackage {
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly license: string
  readonly directory: string
}

interface PackageJson {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  /** Older packages have a list. */
  readonly licenses?: readonly { readonly type: string }[]
}

const LICENSE_FILE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i

/** Returns the package that contains a module, or `undefined` for one that the bundler made. */
export function packageOf(moduleId: string): BundledPackage | undefined {
  const file = moduleId.replace(/[?#].*$/, '')
  if (!isAbsolute(file)) return undefined
  for (let directory = dirname(file); dirname(directory) !== directory; directory = dirname(directory)) {
    const path = join(directory, 'package.json')
    if (!existsSync(path)) continue
    const { name, version, license, licenses } = JSON.parse(readFileSync(path, 'utf8')) as PackageJson
    // A package.json inside a package may say only `"type": "module"`.
    if (name === undefined || version === undefined) continue
    return { name, version, license: license ?? licenses?.[0]?.type ?? 'NOASSERTION', directory }
  }
  return undefined
}

/** Returns the texts of a package's licence files. */
export function licenseTexts({ directory }: Pick<BundledPackage, 'directory'>): string[] {
  return readdirSync(directory)
    .filter((name) => LICENSE_FILE.test(name))
    .sort()
    .map((name) => readFileSync(join(directory, name), 'utf8').trim())
}
