import { STATIC_DESCRIPTION_FILE, type StaticDescription } from '@rca/core'
import { diff, gt } from 'semver'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { type ChangeKind, compareDescriptions } from '../compare-descriptions.ts'
import { type ConnectorPackage, readConnectorPackage } from '../connector-package.ts'
import { buildPackage } from '../load-package.ts'
import { npmPack, type PackedPackage, readDescription, readPublished } from '../published-package.ts'

const MAX_SIZE = 5_000_000

/** Builds and packs a connector, and compares it with its last published version. */
export const pack: CliCommand = {
  summary: 'builds and packs; compares with the published version',
  usage: '',
  flags: {
    against: { type: 'string', summary: 'a tarball, a folder or an rca.json, in place of the published version' },
    destination: { type: 'string', summary: 'folder of the tarball (default: this one)' },
  },
  run: async ({ folder, flags, print }) => {
    const found = await readConnectorPackage(folder)
    const { against, destination } = flags
    const before =
      typeof against === 'string' ? await readDescription(against) : await readPublished(found.folder, found.name)
    const { description } = await buildPackage(found)
    if (typeof before === 'string') print(`Not compared with an earlier version: ${before}.`)
    else for (const line of checkVersion(before, description)) print(line)
    const words = typeof destination === 'string' ? ['--pack-destination', destination] : []
    const packed = await npmPack(found.folder, words)
    const problems = problemsOf(found, packed)
    if (problems.length > 0) throw new CliError(`${packed.filename}: ${problems.join('; ')}`)
    print(`Packed ${packed.filename}: ${packed.files.length} files, ${Math.ceil(packed.size / 1000)} kB.`)
    if (found.rca.core === undefined)
      print(
        `It requires @rca/core ${description.builtWith}, with which it was packed. If \`rca-connector matrix\` passes with an older version, declare that one as \`rca.core\` in package.json.`,
      )
    print(`Publish it from a workflow: npm publish ${packed.filename} --provenance`)
    return 0
  },
}

/**
 * Returns the changes since an earlier version, a line each.
 *
 * @throws {CliError} if the new version must be higher for them
 */
export function checkVersion(before: StaticDescription, now: StaticDescription): string[] {
  const changes = compareDescriptions(before, now)
  const lines = changes.map(({ kind, text }) => `${kind}: ${now.version} ${text}`)
  const needed: ChangeKind | undefined = changes.find(({ kind }) => kind === 'major')?.kind ?? changes[0]?.kind
  if (needed === undefined || suffices(before.version, now.version, needed)) return lines
  const step = isInitial(before.version) ? (needed === 'major' ? 'minor' : 'patch') : needed
  throw new CliError(
    `${now.version} is not a new ${step} version after ${before.version}, which its changes need. Raise \`version\` in package.json.\n${lines.join('\n')}`,
  )
}

/** Versions below 1.0.0 move one place down: a minor version may break, as in the ranges of npm. */
function isInitial(version: string): boolean {
  return version.startsWith('0.')
}

function suffices(before: string, now: string, needed: ChangeKind): boolean {
  if (!gt(now, before)) return false
  const step = diff(before, now)?.replace('pre', '')
  if (step === 'major') return true
  return isInitial(before) ? step === 'minor' || needed === 'minor' : step === 'minor' && needed === 'minor'
}

function problemsOf({ license }: ConnectorPackage, { size, files }: PackedPackage): string[] {
  const paths = files.map(({ path }) => path)
  const missing = [
    ...[STATIC_DESCRIPTION_FILE, 'README.md'].filter((name) => !paths.includes(name)),
    ...(paths.some((path) => path.startsWith('dist/') && path.endsWith('.d.ts')) ? [] : ['dist/*.d.ts']),
  ]
  const unwanted = paths.filter((path) => /(?:^|\/)(?:test|tests)\/|\.test\.|(?:^|\/)\.env|\.npmrc$/.test(path))
  return [
    ...missing.map((name) => `it lacks ${name}: name it in \`files\` of package.json`),
    ...unwanted.map((name) => `it holds ${name}: leave it out of \`files\``),
    ...(license === undefined ? ['package.json has no `license`'] : []),
    ...(license !== undefined && license !== 'UNLICENSED' && !paths.some((path) => /^LICEN[CS]E/i.test(path))
      ? ['it has no file LICENSE']
      : []),
    ...(size > MAX_SIZE ? [`it has ${size} bytes, more than ${MAX_SIZE}`] : []),
  ]
}
