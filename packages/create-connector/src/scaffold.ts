import { readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Names } from './names.ts'

/** A connector of the type `acme/queues`, whose things are called `queue`. It is type-checked like all other code. */
const TEMPLATE = fileURLToPath(new URL('../template', import.meta.url))

/** Files whose names in a package would have a meaning for npm or for the repository. */
const RENAMED: Readonly<Record<string, string>> = {
  'manifest.json': 'package.json',
  gitignore: '.gitignore',
  github: '.github',
}

/** Every form of the template's names, longest first. */
const PLACEHOLDERS =
  /@acme\/rca-connector-queues|acme\/queues|acme_queues|ACME_QUEUES|acmeQueues|Acme queues|acme\.queues|'acme\.'|\.queue\b|\b[Aa] queue\b|\bqueue\b/g

/** Oldest Node.js that an agent supports: its types are those that a connector may use. */
const NODE_TYPES = '^20.19.0'

/**
 * Writes a connector's package into a folder, which is created.
 *
 * @returns paths of the written files, from the folder
 * @throws {Error} if the folder has files
 */
export async function scaffold(folder: string, names: Names, now: Date): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).some((name) => name !== '.git'))
    throw new Error(`${folder} has files: choose an empty or a new folder`)
  const paths = (await readdir(TEMPLATE, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(TEMPLATE.length + 1))
    .sort()
  const written: string[] = []
  for (const path of paths) {
    const text = fill(await readFile(join(TEMPLATE, path), 'utf8'), names)
    const target = path
      .split(/[\\/]/)
      .map((part) => RENAMED[part] ?? part)
      .join('/')
    await mkdir(dirname(join(folder, target)), { recursive: true })
    await writeFile(join(folder, target), complete(target, text, names, now))
    written.push(target)
  }
  return written
}

function complete(path: string, text: string, names: Names, now: Date): string {
  if (path === 'LICENSE') return text.replace('YEAR HOLDER', `${now.getUTCFullYear()} the authors of ${names.package}`)
  return path === 'package.json' ? withDependencies(text) : text
}

/** Replaces the template's names. */
function fill(text: string, names: Names): string {
  const article = /^[aeiou]/.test(names.item) ? 'an' : 'a'
  const forms: Readonly<Record<string, string>> = {
    '@acme/rca-connector-queues': names.package,
    'acme/queues': names.type,
    acme_queues: names.option,
    ACME_QUEUES: names.option.toUpperCase(),
    acmeQueues: names.identifier,
    'Acme queues': names.title,
    'acme.queues': names.signals,
    "'acme.'": `'${names.vendor}.'`,
    '.queue': `.${names.item.replaceAll(' ', '_')}`,
    'a queue': `${article} ${names.item}`,
    'A queue': `${article === 'an' ? 'An' : 'A'} ${names.item}`,
    queue: names.item,
  }
  return text.replaceAll(PLACEHOLDERS, (form) => forms[form] ?? form)
}

/** Writes the versions of this release: those with which the template was tested. */
function withDependencies(text: string): string {
  const { devDependencies: versions } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { devDependencies: Readonly<Record<string, string>> }
  const core = (versions['@rca/core'] ?? '').replace(/^\D+/, '')
  const ranges: Readonly<Record<string, string | undefined>> = {
    ...versions,
    // A core keeps the contract of the major version before it.
    '@rca/core': `>=${core} <${Number.parseInt(core, 10) + 2}`,
    '@types/node': NODE_TYPES,
  }
  const manifest = JSON.parse(text) as Record<string, Record<string, string>>
  for (const kind of ['dependencies', 'peerDependencies', 'devDependencies'])
    manifest[kind] = Object.fromEntries(
      Object.keys(manifest[kind] ?? {}).map((name) => [name, ranges[name] ?? 'latest']),
    )
  return `${JSON.stringify(manifest, undefined, 2)}\n`
}
