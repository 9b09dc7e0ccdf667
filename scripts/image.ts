/**
 * Builds `incident-rca/agent:latest` on the engine of `DOCKER_HOST`: `npm run image`. The base is `NODE_IMAGE`; without it
 * the Dockerfile's, where a registry has it, or else one that is made from this repository's Node and this machine's libraries.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '@rca/rig'
import { makeNodeBase } from './image/node-base.ts'

const IMAGE = 'incident-rca/agent:latest'

const root = fileURLToPath(new URL('..', import.meta.url))
const agent = join(root, 'apps/agent')
const bin = (name: string): string => join(root, 'node_modules/.bin', name)
const say = (text: string): void => console.error(text)

const context = mkdtempSync(join(tmpdir(), 'rca-image-'))
try {
  await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 }).catch((error) => {
    throw new Error(
      `No Docker Engine answers. Set DOCKER_HOST, or start one: eval "$(npm run -s rig -- docker up)"\n${error.message}`,
    )
  })
  const base = await findBase()
  await layOut()
  await build(base)
  const size = Number(await run('docker', ['image', 'inspect', '--format', '{{.Size}}', IMAGE]))
  say(`Built ${IMAGE} on ${base}: ${(size / 1e6).toFixed(0)} MB.`)
} catch (error) {
  say((error as Error).message)
  process.exitCode = 1
} finally {
  rmSync(context, { recursive: true, force: true })
}

async function findBase(): Promise<string> {
  const { NODE_IMAGE: chosen } = process.env
  if (chosen !== undefined && chosen !== '') return chosen
  const [, usual = ''] = /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync(join(agent, 'Dockerfile'), 'utf8')) ?? []
  if (await hasImage(usual)) return usual
  try {
    await run('docker', ['pull', '--quiet', usual], { timeout: 300_000 })
    return usual
  } catch {
    const made = await makeNodeBase()
    say(`No registry has ${usual} for us: the base is ${made}, made from this machine's own Node and libraries.`)
    return made
  }
}

async function hasImage(name: string): Promise<boolean> {
  return (await run('docker', ['images', '--quiet', name])).trim() !== ''
}

/** The built agent with its production dependencies, in one flat folder. */
async function layOut(): Promise<void> {
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
  const values = { NODE_IMAGE: base, VERSION: version, REVISION: revision.trim() }
  const words = Object.entries(values).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  // The context is what pnpm laid out: the package's own ignore rules do not hold there.
  await run(
    'docker',
    ['build', '--quiet', '--force-rm', '--network', 'none', ...words, '--tag', IMAGE, join(context, 'agent')],
    {
      timeout: 600_000,
    },
  )
  // What has no name any more: the agent of the last build, and the first stage, which builders without BuildKit leave behind.
  for (const label of ['org.opencontainers.image.title=Incident RCA agent', 'incident-rca.stage=files'])
    await run('docker', ['image', 'prune', '--force', '--filter', `label=${label}`])
}
