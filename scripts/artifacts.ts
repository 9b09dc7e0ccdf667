/**
 * Builds the self-contained agent: `npm run artifacts`. Each archive contains Node, the bundled agent and its
 * connectors for one platform. The folder also gets a bill of materials, `release.json`, and signed checksums. The same
 * sources, options and tools give the same bytes.
 *
 * - `--platform linux-x64,…` builds only these platforms
 * - `--version X` replaces the version, such as for a test of upgrades
 * - `RCA_ARTIFACTS_DIR` names the folder, without it `artifacts`
 * - `RCA_SIGNING_KEY` names the signing key, without it `artifacts-signing-key.pem`; a new key is made at first use
 * - `SOURCE_DATE_EPOCH` replaces the time of the last commit, which all files get
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { run } from '@rca/rig'
import { type ArchiveFile, packTarGz, packTarXz, packZip } from './artifacts/archive.ts'
import { bundleAgent } from './artifacts/bundle.ts'
import { makeLauncher } from './artifacts/launcher.ts'
import { thirdPartyLicenses } from './artifacts/licenses.ts'
import { checkRequirements, PLATFORMS, type Platform } from './artifacts/platforms.ts'
import { publish } from './artifacts/release.ts'
import { makeRuntime, type RuntimePart } from './artifacts/runtime.ts'
import { billOfMaterials } from './artifacts/sbom.ts'
import { createSigner, loadSigningKey } from './artifacts/signing.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const PACK = { 'tar.gz': packTarGz, 'tar.xz': packTarXz, zip: packZip }

try {
  await main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { platform: { type: 'string' }, version: { type: 'string' } } })
  const platforms = selectPlatforms(values.platform)
  const version = values.version ?? coreVersion()
  if (!/^\d+\.\d+\.\d+(?:-[\w.-]+)?$/.test(version))
    throw new Error(`--version must be a version such as 1.2.3, got \`${version}\``)
  await checkRequirements(platforms)
  const folder = resolve(process.env.RCA_ARTIFACTS_DIR || join(root, 'artifacts'))
  const keyFile = resolve(process.env.RCA_SIGNING_KEY || join(root, 'artifacts-signing-key.pem'))
  const { key, isNew } = loadSigningKey(keyFile)
  if (isNew) console.error(`Made a signing key: ${keyFile}. Keep it, and keep it secret: agents trust what it signs.`)

  const time = await sourceTime()
  const bundle = await bundleAgent(root, version)
  const parts: RuntimePart[] = []
  const archives: { name: string; content: Buffer }[] = []
  for (const platform of platforms) {
    const runtime = await makeRuntime(platform)
    parts.push(...runtime.parts)
    const top = `rca-agent-${version}-${platform.name}`
    const files: ArchiveFile[] = [
      makeLauncher(root, platform.name),
      ...runtime.files,
      ...bundle.files,
      { path: 'LICENSE', content: readFileSync(join(root, 'LICENSE')) },
      { path: 'THIRD-PARTY-LICENSES', content: thirdPartyLicenses(runtime.parts, bundle.packages) },
      { path: 'VERSION', content: `${version}\n` },
    ]
    const below = files.map((file) => ({ ...file, path: `${top}/${file.path}` }))
    const content = await PACK[platform.format](below, time)
    archives.push({ name: `${top}.${platform.format}`, content })
    console.error(`${archives.at(-1)?.name}: ${(content.length / 1e6).toFixed(1)} MB`)
  }
  publish({
    folder,
    version,
    time,
    signer: createSigner(key),
    files: [
      ...archives,
      { name: `rca-agent-${version}.cdx.json`, content: billOfMaterials(version, time, parts, bundle.packages) },
    ],
  })
  console.error(`Signed the checksums of everything in ${folder}.`)
}

function selectPlatforms(names: string | undefined): readonly Platform[] {
  if (names === undefined) return PLATFORMS
  return names.split(',').map((name) => {
    const platform = PLATFORMS.find((candidate) => candidate.name === name.trim())
    if (platform !== undefined) return platform
    throw new Error(`--platform ${name} is unknown. Use some of ${PLATFORMS.map((known) => known.name).join(',')}`)
  })
}

function coreVersion(): string {
  return (JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8')) as { version: string }).version
}

/** Returns the time of the last commit, or that of `SOURCE_DATE_EPOCH`. */
async function sourceTime(): Promise<Date> {
  const seconds =
    process.env.SOURCE_DATE_EPOCH ||
    (await run('git', ['log', '-1', '--format=%ct'], { cwd: root }).catch(() => {
      throw new Error('The sources are not a Git repository: set SOURCE_DATE_EPOCH to their time, in seconds')
    }))
  const time = new Date(Number(seconds) * 1000)
  if (Number.isNaN(time.getTime())) throw new Error(`SOURCE_DATE_EPOCH must be a number of seconds, got \`${seconds}\``)
  return time
}
