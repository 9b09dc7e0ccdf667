import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findCluster, findKubectl, kubeconfigOf, run, testRun } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { openKubernetes } from '../src/client.ts'
import { groupVersionsOf, selectKinds } from '../src/informer/discovered-kinds.ts'
import { kinds } from '../src/kinds/index.ts'
import type { UsageClient } from '../src/usage/usage-client.ts'
import { collectUsage, usageClient, usageContext, usagePoints } from './usage-scene.ts'

const cluster = await findCluster('node', testRun())
const kubectl = (await findKubectl()) ?? ''

const namespace = `usage-${process.pid}`
const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'busy' },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'app',
        image: cluster.image,
        imagePullPolicy: 'IfNotPresent',
        command: ['sh', '-c', 'while :; do :; done'],
        resources: { limits: { cpu: '50m' } },
      },
    ],
  },
}

realDescribe('what a pod of a real node uses', cluster, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-usage-'))
  const ask = (words: readonly string[], input?: string): Promise<string> =>
    run(kubectl, ['--kubeconfig', cluster.kubeconfig, ...words], input === undefined ? {} : { input })
  const listed = async (kind: string): Promise<unknown[]> =>
    (JSON.parse(await ask(['get', kind, '--all-namespaces', '--output=json'])) as { items: unknown[] }).items

  /** Returns a client whose cluster is read by the administrator, and whose usage is read by another user. */
  const clientOf = async (kubeconfig: string): Promise<UsageClient> => {
    const { signal } = new AbortController()
    const [admin, api] = await Promise.all([
      openKubernetes({ kubeconfig: cluster.kubeconfig }),
      openKubernetes({ kubeconfig }),
    ])
    onTestFinished(() => {
      admin.close()
      api.close()
    })
    const { nodes, podMetrics, nodeMetrics } = selectKinds(
      kinds,
      await admin.discover(groupVersionsOf(Object.values(kinds)), signal),
    ).found
    const resources = Object.fromEntries(
      Object.entries({ nodes, podMetrics, nodeMetrics }).filter(([, resource]) => resource !== undefined),
    )
    const scene = { nodes: await listed('nodes'), pods: await listed('pods'), claims: [], resources }
    return { ...usageClient(scene), api }
  }
  /** Returns the kubeconfig of a service account without permissions. */
  const withoutRights = async (): Promise<string> => {
    await ask(['--namespace', namespace, 'create', 'serviceaccount', 'without-rights'])
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/without-rights/token`
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
    const { status } = JSON.parse(await ask(['create', `--raw=${path}`, '--filename=-'], JSON.stringify(review)))
    const config = JSON.parse(await ask(['config', 'view', '--raw', '--flatten', '--minify', '--output=json']))
    const [{ name }] = config.users
    const file = join(folder, 'kubeconfig')
    writeFileSync(file, JSON.stringify({ ...config, users: [{ name, user: { token: status.token } }] }), {
      mode: 0o600,
    })
    return file
  }

  beforeAll(async () => {
    await ask(['create', 'namespace', namespace])
  }, 30_000)
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    await ask(['delete', 'namespace', namespace, '--wait=false'])
  }, 30_000)

  test('is read from its kubelet, through the API server', async () => {
    await ask(['--namespace', namespace, 'create', '--validate=false', '--filename=-'], JSON.stringify(POD))
    await ask(['--namespace', namespace, 'wait', '--for=condition=Ready', '--timeout=50s', 'pod/busy'])
    const uid = await ask(['--namespace', namespace, 'get', 'pod', 'busy', '--output=jsonpath={.metadata.uid}'])
    // Only the private cluster has a user who may read everything.
    const client = await clientOf(cluster.isOurs ? kubeconfigOf(cluster.kubeconfig, 'viewer') : cluster.kubeconfig)
    const read = async () => {
      const collected = await collectUsage(client, usageContext().context)
      const points = usagePoints(collected, { [uid]: 'busy' })
      const usage = points['k8s.pod:busy k8s.pod.cpu.usage{}'] ?? 0
      const found = `${JSON.stringify(collected.gaps)}; points: ${Object.keys(points).join(', ')}`
      if (usage <= 0.01) throw new Error(`The CPU usage of the pod is ${usage}; gaps: ${found}`)
      return points
    }
    // A kubelet samples CPU time about every 10 s, and reports usage after two samples.
    const points = await vi.waitFor(read, { timeout: 120_000, interval: 2000 })
    expect(points['k8s.container:busy/app container.cpu.time{}']).toBeGreaterThan(0)
    expect(points['k8s.pod:busy k8s.pod.memory.working_set{}']).toBeGreaterThan(0)
    expect(points['k8s.container:busy/app container.memory.working_set{}']).toBeGreaterThan(0)
    expect(Object.keys(points).filter((label) => label.includes(':busy')).length).toBeLessThanOrEqual(12)
    expect(Object.keys(points).join()).toContain('k8s.node.memory.available')
  }, 220_000)

  test('is a gap that names the permission, for a user without it', async () => {
    const { metrics = [], gaps } = await collectUsage(await clientOf(await withoutRights()), usageContext().context)
    expect(metrics).toEqual([])
    expect(gaps).toEqual([
      {
        scope: 'usage',
        reason: expect.stringMatching(
          /allow verb `get` on resource `nodes\/proxy` of API group `""` in a ClusterRole.*metrics\.k8s\.io/,
        ),
      },
    ])
  })
})
