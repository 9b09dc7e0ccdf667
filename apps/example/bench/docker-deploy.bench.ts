/**
 * Measures the size of the agent's image, and the time from pasting the deployment command to the agent's first
 * heartbeat. It never fails because of a number: it prints whether the target is met.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { BUSYBOX_IMAGE, docker, findEngine, releaseEngine, run } from '@rca/rig'
import { type Platform, startPlatform } from '../src/platform.ts'

const ROUNDS = 5
const TARGET_SECONDS = 3
const IMAGE = 'incident-rca/agent:latest'
const root = new URL('../../..', import.meta.url).pathname

const { dockerHost, missing } = await findEngine(process.pid)
if (missing !== undefined) console.log(`Skipped: ${missing}.`)
else
  try {
    const env = { DOCKER_HOST: dockerHost }
    await run(process.execPath, ['--conditions=@rca/source', 'scripts/image.ts'], { cwd: root, env, timeout: 600_000 })
    await printSize()
    const platform = await startPlatform()
    try {
      await measureStarts(platform)
    } finally {
      await platform.close()
    }
  } finally {
    await releaseEngine(process.pid)
  }

async function printSize(): Promise<void> {
  const [{ Size: size, RootFS: layers }] = JSON.parse(await docker(dockerHost, ['image', 'inspect', IMAGE]))
  const rows = (await docker(dockerHost, ['history', '--human=false', '--format', '{{.Size}}\t{{.CreatedBy}}', IMAGE]))
    .split('\n')
    .map((line) => line.split('\t'))
  const agent = rows.filter(([, by = '']) => by.includes('COPY')).reduce((sum, [bytes]) => sum + Number(bytes), 0)
  console.log(
    `${IMAGE}: ${megabytes(size)} in ${layers.Layers.length} layers; the agent's own layers have ${megabytes(agent)}`,
  )
}

async function measureStarts(platform: Platform): Promise<void> {
  const fromPaste: number[] = []
  const fromStart: number[] = []
  const peer: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const name = `rca-bench-${process.pid}-${round}`
    const config = { network: 'host', container_name: name }
    const { deployment_command, uninstall_command = '' } = await platform.provision('docker', name, config)
    const pastedAt = Date.now()
    try {
      await paste(deployment_command)
      const heartbeatAt = await firstHeartbeat(platform, name)
      const startedAt = Date.parse(await docker(dockerHost, ['inspect', '--format', '{{.State.StartedAt}}', name]))
      fromPaste.push(heartbeatAt - pastedAt)
      fromStart.push(heartbeatAt - startedAt)
    } finally {
      await paste(uninstall_command)
    }
    const before = Date.now()
    await docker(dockerHost, ['run', '--rm', '--network', 'host', BUSYBOX_IMAGE, 'true'])
    peer.push(Date.now() - before)
  }
  console.log(`Median of ${ROUNDS}:`)
  console.log(`  from paste to first heartbeat            ${seconds(fromPaste)}`)
  console.log(`  from container start to first heartbeat  ${seconds(fromStart)}`)
  console.log(`  docker run --rm busybox true             ${seconds(peer)}`)
  const isMet = median(fromStart) < TARGET_SECONDS * 1000
  console.log(`Target: less than ${TARGET_SECONDS} s from container start: ${isMet ? 'met' : 'MISSED'}`)
}

async function paste(command: string): Promise<void> {
  await run('sh', ['-c', command], { env: { DOCKER_HOST: dockerHost } })
}

/** Returns the time of the agent's first request, which is a heartbeat. */
async function firstHeartbeat({ agent }: Platform, environment: string): Promise<number> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) {
    const found = await agent(environment)
    if (found?.first_seen_at !== undefined) return Date.parse(found.first_seen_at)
  }
  throw new Error(`${environment} sent no heartbeat within a minute`)
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

function seconds(milliseconds: readonly number[]): string {
  return `${(median(milliseconds) / 1000).toFixed(2)} s`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
