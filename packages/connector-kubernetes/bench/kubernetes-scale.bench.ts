/**
 * Measures the agent on a large cluster: `npm run bench -- kubernetes-scale [--pods 10000] [--seconds 30]
 * [--redaction] ['--flags=--cpu-prof']`. Fills an API server, and watches it with the whole agent, with its cache
 * alone, and with an informer of the client library for pods; `kubectl get pods` lists it once. A fake answers for the
 * kubelets of all nodes. The benchmark never fails: it prints whether the targets are met.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type ApiServer, findKubectl, missingForApiServer, startApiServer } from '@rca/rig'
import { agentFlags, cpuShareOf, type Kubelets, profileFlags, seedApiServer, startKubelets } from '@rca/rig/bench'
import { buildChildren, type Measured, startChild } from './children.ts'
import { inPod } from './in-pod.ts'
import { listWithKubectl } from './kubectl-list.ts'
import { type FollowCost, measureChildren, type Phases } from './measure-children.ts'
import { type Platform, startPlatform } from './platform.ts'

const TARGETS = { peakMb: 220, peakMbOf10000: 300, stallMs: 50, ofInformer: 0.5, redaction: 0.05 }
const NAMES = ['agent', 'following', 'informer'] as const

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '5000' },
    /** For which nothing happens, and then for which pods change. */
    seconds: { type: 'string', default: '60' },
    /** Also prints the share of redaction in the agent's CPU. Its other figures get a little worse. */
    redaction: { type: 'boolean', default: false },
    flags: { type: 'string' },
  },
})
const pods = Number(values.pods)
const IDLE = Number(values.seconds)
const CHURN = { rate: 100, seconds: IDLE }
/** The agent's, of Node: those of its image, unless others are asked for. */
const flags = values.flags?.split(' ').filter((flag) => flag !== '') ?? agentFlags()
const { missing } = await missingForApiServer()
if (missing !== undefined) console.log(`Skipped: ${missing}.`)
else await measure()

async function measure(): Promise<void> {
  buildChildren(NAMES)
  const folder = mkdtempSync(join(tmpdir(), 'rca-bench-'))
  const server = await startApiServer({ folder: join(folder, 'server') })
  const platform = await startPlatform()
  const children: Measured[] = []
  let kubelets: Kubelets | undefined
  try {
    const began = performance.now()
    await seedApiServer(server, { pods })
    const took = ((performance.now() - began) / 1000).toFixed(0)
    console.log(`${cpus().length} processors, Node ${process.versions.node}, ${pods} pods, made in ${took} s\n`)
    kubelets = await startKubelets(server)
    await measureKubectl(server)
    const start = async (starting: Promise<Measured>): Promise<Measured> => {
      const child = await starting
      children.push(child)
      return child
    }
    const followers = {
      agent: await start(startAgent(server, folder, platform)),
      following: await start(startChild('following', inPod(server, folder, flags, []))),
      informer: await start(startChild('informer', { flags: [], words: [server.kubeconfig] })),
    }
    const onPhase = countingBytes(platform)
    const costs = await measureChildren(followers, { server, idle: IDLE, churn: CHURN, onPhase })
    print(costs)
    verdicts(costs)
    if (values.redaction) {
      await followers.agent.end()
      const share = cpuShareOf(join(folder, 'profile'), '/redaction/')
      verdict(`redaction at most 5 % of the agent's CPU (${(share * 100).toFixed(1)} %)`, share <= TARGETS.redaction)
    }
  } finally {
    await Promise.all(children.map((child) => child.end()))
    await kubelets?.stop()
    platform.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureKubectl(server: ApiServer): Promise<void> {
  const kubectl = await findKubectl()
  if (kubectl === undefined) return console.log('kubectl get pods -A -o json: skipped, `kubectl` is not installed')
  const { wallMs, cpuMs, peakMb } = await listWithKubectl(kubectl, server.kubeconfig)
  const cost = `${(wallMs / 1000).toFixed(1)} s, ${(cpuMs / 1000).toFixed(1)} s of CPU, ${peakMb.toFixed(0)} MB at its peak`
  console.log(`kubectl get pods -A -o json, once: ${cost}\n`)
}

/** It is synced when the platform knows every pod. */
async function startAgent(server: ApiServer, folder: string, platform: Platform): Promise<Measured> {
  const began = performance.now()
  const profile = values.redaction ? profileFlags(join(folder, 'profile')) : []
  const child = await startChild('agent', inPod(server, folder, [...flags, ...profile], [platform.url]))
  await child.watch()
  await platform.knowsPods(pods)
  return { ...child, syncMs: performance.now() - began, synced: await child.read() }
}

function countingBytes(platform: Platform): Phases['onPhase'] {
  const now = () => ({ ...platform.counts(), at: performance.now() })
  console.log(`The first reports: ${(platform.counts().bytes / 1e6).toFixed(2)} MB`)
  let before = now()
  return (ended, churned) => {
    const after = now()
    const hours = (after.at - before.at) / 3_600_000
    const rate = churned === undefined ? 0 : churned.updates / churned.seconds
    const when = churned === undefined ? 'while nothing happens' : `at ${rate.toFixed(0)} updates a second`
    const amount = ((after.bytes - before.bytes) / 1e6 / hours).toFixed(1)
    const points = ((after.points - before.points) / hours / 3600).toFixed(0)
    const events = after.events - before.events
    if (ended !== 'settling')
      console.log(`To the platform ${when}: ${amount} MB an hour, ${points} points a second, ${events} events`)
    before = after
  }
}

type Costs = Readonly<Record<(typeof NAMES)[number], FollowCost>>

function print(costs: Costs): void {
  const row = (what: string, of: (cost: FollowCost) => number, digits = 0): void =>
    console.log(`${what.padEnd(44)}${NAMES.map((name) => of(costs[name]).toFixed(digits).padStart(11)).join('')}`)
  console.log(`\n${''.padEnd(44)}${NAMES.map((name) => name.padStart(11)).join('')}`)
  row('all known, ms', ({ syncMs }) => syncMs)
  row('  CPU, ms', ({ syncCpuMs }) => syncCpuMs)
  row('  longest stall, ms of CPU', ({ syncStallMs }) => syncStallMs)
  row('memory, steady, MB', ({ steadyMb }) => steadyMb)
  row('  at its peak, MB', ({ peakMb }) => peakMb)
  row('while nothing happens, CPU ms a second', ({ idleMs }) => idleMs, 2)
  row('  longest stall, ms of CPU', ({ idleStallMs }) => idleStallMs, 1)
  row(`at ${CHURN.rate} updates a second, CPU ms a second`, ({ churnMs }) => churnMs, 1)
  row('  longest stall, ms of CPU', ({ churnStallMs }) => churnStallMs, 1)
  row('  more than without, for an update, ms', ({ updateMs }) => updateMs, 3)
}

function verdicts({ agent, following, informer }: Costs): void {
  const peak = pods > 5_000 ? TARGETS.peakMbOf10000 : TARGETS.peakMb
  const stallOf = (cost: FollowCost): number => Math.max(cost.syncStallMs, cost.idleStallMs, cost.churnStallMs)
  const ofInformer = (cost: FollowCost): number => cost.churnMs / informer.churnMs
  const stall = Math.max(stallOf(agent), stallOf(following))
  console.log()
  verdict(`less than ${peak} MB at its peak (${agent.peakMb.toFixed(0)})`, agent.peakMb < peak)
  verdict(`no stall of ${TARGETS.stallMs} ms (${stall.toFixed(0)})`, stall < TARGETS.stallMs)
  for (const [what, cost] of [
    ['the whole agent, which also asks kubelets and delivers', agent],
    ['following alone', following],
  ] as const) {
    const ratio = ofInformer(cost)
    verdict(`at most half of the informer's CPU, ${what} (${ratio.toFixed(2)})`, ratio <= TARGETS.ofInformer)
  }
}

function verdict(what: string, isMet: boolean): void {
  console.log(`Target: ${what}: ${isMet ? 'met' : 'MISSED'}`)
}
