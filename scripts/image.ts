/**
 * Builds `incident-rca/agent:latest` on the engine of `DOCKER_HOST`: `npm run image`. The base image is `NODE_IMAGE`
 * or, without it, the Dockerfile's. When no registry has that image, the base is made from this repository's Node and
 * this machine's libraries.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '@rca/rig'
import { makeNodeBase } from './image/node-base.ts'
import { pullImage } from './image/pull.ts'

const IMAGE = 'incident-rca/agent:latest'

const root = fileURLToPath(new URL('..', import.meta.url))
const agent = join(root, 'apps/agent')
const bin = (name: string): string => join(root, 'node_modules/.bin', name)

const context = mkdtempSync(join(tmpdir(), 'rca-image-'))
try {
  await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 }).catch((error) => {
    throw new Error(
      `No Docker Engine answers. Set DOCKER_HOST, or start one: eval "$(npm run -s rig -- docker up)"\n${error.message}`,
    )
  })
  const base = await findBase()
  await prepareContext()
  await build(base)
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

/** Puts the built agent and its production dependencies into the build context. */
async function prepareContext(): Promise<void> {
  await run(bin('tsc'), ['-b', 'apps/agent'], { cwd: root, timeout: 300_000 })
  const options = ['--prod', '--legacy', '--config.node-linker=hoisted', '--loglevel=error']
  await run(bin('pnpm'), ['--filter', '@rca/agent', 'deploy', ...options, join(context, 'agent')], {
    cwd: root,
    timeout: 300_000,
  })
  copyFileSync(join(root, 'LICENSE'), join(context, 'agent/LICENSE'))
}

async function build(base: string): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(agent, 'package.json'), 'utf8')) as { version: string }
  const revision = await run('git', ['rev-parse', 'HEAD'], { cwd: root }).catch(() => 'unknown')
  const buildArguments = { NODE_IMAGE: base, VERSION: version, REVISION: revision.trim() }
  const words = Object.entries(buildArguments).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  await run(
    'docker',
    ['build', '--quiet', '--force-rm', '--network', 'none', ...words, '--tag', IMAGE, join(context, 'agent')],
    {
      timeout: 600_000,
    },
  )
  // Removes unnamed images: the previous build, and the first stage, which builders without BuildKit keep.
  for (const label of ['org.opencontainers.image.title=Incident RCA agent', 'incident-rca.stage=files'])
    await run('docker', ['image', 'prune', '--force', '--filter', `label=${label}`])
}
