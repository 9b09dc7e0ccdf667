/**
 * Builds `incident-rca/agent:latest` on the engine of `DOCKER_HOST`: `npm run image`. The base image is `NODE_IMAGE`
 * or, without it, the Dockerfile's. When no registry has that image, the base is made from this repository's Node and
 * this machine's libraries.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '@rca/rig'
import { bundleAgent } from './artifacts/bundle.ts'
import { thirdPartyLicenses } from './artifacts/licenses.ts'
import { billOfMaterials } from './artifacts/sbom.ts'
import { makeNodeBase } from './image/node-base.ts'
import { pullImage } from './image/pull.ts'

const IMAGE = 'incident-rca/agent:latest'

const root = fileURLToPath(new URL('..', import.meta.url))
const agent = join(root, 'apps/agent')

// The agent's user has to read the files.
process.umask(0o022)
const context = mkdtempSync(join(tmpdir(), 'rca-image-'))
try {
  await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 }).catch((error) => {
    throw new Error(
      `No Docker Engine answers. Set DOCKER_HOST, or start one: eval "$(npm run -s rig -- docker up)"\n${error.message}`,
    )
  })
  const base = await findBase()
  const { version } = JSON.parse(readFileSync(join(agent, 'package.json'), 'utf8')) as { version: string }
  await prepareContext(version)
  await build(base, version)
  const size = Number(await run('docker', ['image', 'inspect', '--format', '{{.Size}}', IMAGE]))
  console.error(`Built ${IMAGE} on ${base}: ${(size / 1e6).toFixed(0)} MB.`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  rmSync(context, { recursive: true, force: true })
}

async function findBase(): Promise<string> {
  const { NODE_IMAGE: chosen } = process.env
  if (chosen !== undefined && chosen !== '') return chosen
  const [, defaultBase = ''] = /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync(join(agent, 'Dockerfile'), 'utf8')) ?? []
  if (await hasImage(defaultBase)) return defaultBase
  try {
    console.error(`Pulling the base ${defaultBase} …`)
    await pullImage(defaultBase)
    return defaultBase
  } catch (error) {
    console.error((error as Error).message)
    const made = await makeNodeBase()
    console.error(`Without ${defaultBase}, the base is ${made}, made from this machine's own Node and libraries.`)
    return made
  }
}

async function hasImage(name: string): Promise<boolean> {
  return (await run('docker', ['images', '--quiet', name])).trim() !== ''
}

/** Puts the bundled agent into the build context, with its licences and its bill of materials. */
async function prepareContext(version: string): Promise<void> {
  const { files, packages } = await bundleAgent(root, version)
  const described = [
    { path: 'app/LICENSE', content: readFileSync(join(root, 'LICENSE')) },
    { path: 'app/THIRD-PARTY-LICENSES', content: thirdPartyLicenses([], packages) },
    { path: 'app/rca-agent.cdx.json', content: billOfMaterials(version, new Date(), [], packages) },
  ]
  for (const { path, content } of [...files, ...described]) {
    const file = join(context, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
  mkdirSync(join(context, 'state'), { mode: 0o750 })
  copyFileSync(join(agent, 'Dockerfile'), join(context, 'Dockerfile'))
}

async function build(base: string, version: string): Promise<void> {
  const revision = await run('git', ['rev-parse', 'HEAD'], { cwd: root }).catch(() => 'unknown')
  const buildArguments = { NODE_IMAGE: base, VERSION: version, REVISION: revision.trim() }
  const words = Object.entries(buildArguments).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  await run('docker', ['build', '--quiet', '--force-rm', '--network', 'none', ...words, '--tag', IMAGE, context], {
    timeout: 600_000,
  })
  // Removes the previous build, which has no name any more.
  await run('docker', [
    'image',
    'prune',
    '--force',
    '--filter',
    'label=org.opencontainers.image.title=Incident RCA agent',
  ])
}
