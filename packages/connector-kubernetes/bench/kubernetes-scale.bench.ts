/**
 * What a large cluster takes: `npm run bench -- kubernetes-scale [--pods 10000]`. An API server is filled, and followed in turn by the whole
 * agent and by an informer of the client library, for pods alone; `kubectl get pods` lists it once. It never fails for a number: it says
 * whether the targets are met.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type ApiServer, findKubectl, missingForApiServer, startApiServer } from '@rca/rig'
import { agentFlags, seedApiServer } from '@rca/rig/bench'
import { buildChildren, type ChildOptions, startChild } from './children.ts'
import { listWithKubectl } from './kubectl-list.ts'
import { type FollowCost, measureFollowing } from './measure-child.ts'
import { type Platform, startPlatform } from './platform.ts'

const TARGETS = { peakMb: 220, peakMbOf10000: 300, stallMs: 50, ofInformer: 0.5 }
const CHURN = { rate: 100, seconds: 45 }
const IDLE = 45

const { values } = parseArgs({ options: { pods: { type: 'string', default: '5000' } } })
const pods = Number(values.pods)
const { missing } = await missingForApiServer()
if (missing !== undefined) console.log(`Skipped: ${missing}.`)
else await inFolder(measure)

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-bench-'))
  try {
    await act(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(folder: string): Promise<void> {
  buildChildren(['informer', 'agent'])
  const server = await startApiServer({ folder: join(folder, 'server') })
  try {
    const began = performance.now()
    await seedApiServer(server, { pods })
    const took = ((performance.now() - began) / 1000).toFixed(0)
    console.log(`${cpus().length} processors, Node ${process.versions.node}, ${pods} pods, made in ${took} s\n`)
    await measureKubectl(server)
    const ours = await measureAgent(server, folder)
    const informer = await measureInformer(server)
    printFollowing(ours, informer)
    verdicts(ours, informer)
  } finally {
    await server.stop()
  }
}

async function measureKubectl(server: ApiServer): Promise<void> {
  const kubectl = await findKubectl()
  if (kubectl === undefined) return console.log('kubectl get pods -A -o json: skipped, `kubectl` is not installed')
  const { wallMs, cpuMs, peakMb } = await listWithKubectl(kubectl, server.kubeconfig)
  const cost = `${(wallMs / 1000).toFixed(1)} s, ${(cpuMs / 1000).toFixed(1)} s of CPU, ${peakMb.toFixed(0)} MB at its peak`
  console.log(`kubectl get pods -A -o json, once: ${cost}\n`)
}

async function measureInformer(server: ApiServer): Promise<FollowCost> {
  const child = await startChild('informer', { flags: [], words: [server.kubeconfig] })
  try {
    return await measureFollowing(child, { server, idle: IDLE, churn: CHURN })
  } finally {
    await child.end()
  }
}

async function measureAgent(server: ApiServer, folder: string): Promise<FollowCost> {
  const platform = await startPlatform()
  const began = performance.now()
  const child = await startChild('agent', agentOptions(server, folder, platform))
  try {
    await child.watch()
    await platform.knowsPods(pods)
    const syncMs = performance.now() - began
    const synced = await child.read()
    console.log(`The first reports: ${(platform.bytes / 1e6).toFixed(2)} MB`)
    let told = { bytes: platform.bytes, events: platform.events }
    const onPhase = (phase: 'synced' | 'idle' | 'churned'): void => {
      const seconds = phase === 'idle' ? IDLE : CHURN.seconds
      const bytes = (((platform.bytes - told.bytes) / 1e6) * 3600) / seconds
      const when = phase === 'idle' ? 'while nothing happens' : `at ${CHURN.rate} updates a second`
      const events = `${platform.events - told.events} events in ${seconds} s`
      if (phase !== 'synced') console.log(`To the platform ${when}: ${bytes.toFixed(1)} MB an hour, ${events}`)
      told = { bytes: platform.bytes, events: platform.events }
    }
    return await measureFollowing({ ...child, syncMs, synced }, { server, idle: IDLE, churn: CHURN, onPhase })
  } finally {
    await child.end()
    platform.close()
  }
}

/** In a pod it needs no client library, whose import takes 75 MB: a mount of its own stands for what the kubelet mounts. */
function agentOptions(server: ApiServer, folder: string, platform: Platform): ChildOptions {
  const flags = agentFlags()
  if (process.getuid?.() !== 0) return { flags, words: [platform.url, server.kubeconfig] }
  const account = join(folder, 'account')
  mkdirSync(account)
  const files = { token: server.tokenOf('admin'), 'ca.crt': server.ca, namespace: 'incident-rca' }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(account, name), text)
  const { hostname, port } = new URL(server.url)
  const parent = '/run/secrets/kubernetes.io'
  const script = `mount -t tmpfs none /run && mkdir -p ${parent} && cp -r "$0" ${parent}/serviceaccount && exec "$@"`
  return {
    flags,
    words: [platform.url],
    environment: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    prefix: ['unshare', '--mount', 'sh', '-c', script, account],
  }
}

function printFollowing(ours: FollowCost, informer: FollowCost): void {
  const row = (what: string, of: (cost: FollowCost) => number, digits = 0): void =>
    console.log(`${what.padEnd(48)}${[ours, informer].map((cost) => of(cost).toFixed(digits).padStart(12)).join('')}`)
  console.log(`\n${''.padEnd(48)}${'agent'.padStart(12)}${'informer'.padStart(12)}`)
  row('all known, ms', ({ syncMs }) => syncMs)
  row('  CPU, ms', ({ syncCpuMs }) => syncCpuMs)
  row('  longest stall, ms', ({ syncStallMs }) => syncStallMs)
  row('memory, steady, MB', ({ steadyMb }) => steadyMb)
  row('  at its peak, MB', ({ peakMb }) => peakMb)
  row('while nothing happens, CPU ms a second', ({ idleMs }) => idleMs, 2)
  row('  longest stall, ms', ({ idleStallMs }) => idleStallMs, 1)
  row(`at ${CHURN.rate} updates a second, CPU ms a second`, ({ churnMs }) => churnMs, 1)
  row('  longest stall, ms', ({ churnStallMs }) => churnStallMs, 1)
  row('  updates a second that the server could take', ({ churned }) => churned.updates / churned.seconds)
  row('an update, CPU ms', ({ updateMs }) => updateMs, 3)
}

function verdicts(ours: FollowCost, informer: FollowCost): void {
  const peak = pods > 5_000 ? TARGETS.peakMbOf10000 : TARGETS.peakMb
  const stall = Math.max(ours.syncStallMs, ours.idleStallMs, ours.churnStallMs)
  const ratio = ours.churnMs / informer.churnMs
  console.log()
  verdict(`less than ${peak} MB at its peak (${ours.peakMb.toFixed(0)})`, ours.peakMb < peak)
  verdict(`no stall of ${TARGETS.stallMs} ms (${stall.toFixed(0)})`, stall < TARGETS.stallMs)
  verdict(`at most half of the informer's CPU (${ratio.toFixed(2)})`, ratio <= TARGETS.ofInformer)
}

function verdict(what: string, isMet: boolean): void {
  console.log(`Target: ${what}: ${isMet ? 'met' : 'MISSED'}`)
}
