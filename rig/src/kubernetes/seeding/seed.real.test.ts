import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { realDescribe } from '../../real.ts'
import { START_TIMEOUT_MS } from '../../run.ts'
import { requestApi } from '../api-client.ts'
import { type ApiServer, missingForApiServer, startApiServer } from '../api-server.ts'
import { churnPods } from './churn.ts'
import { startKubelets } from './kubelets.ts'
import { seedApiServer } from './seed.ts'

interface Pod {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly managedFields: readonly { readonly manager: string }[]
  }
  readonly spec: { readonly nodeName?: string }
  readonly status: { readonly phase: string }
}

realDescribe('seedApiServer', await missingForApiServer(), () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-seed-'))
  let server: ApiServer

  beforeAll(async () => {
    server = await startApiServer({ folder })
    await seedApiServer(server, { pods: 120, nodes: 4, deployments: 12, events: 10 })
  }, START_TIMEOUT_MS)
  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }, START_TIMEOUT_MS)

  const items = async <Item>(path: string): Promise<readonly Item[]> => {
    const { body } = await requestApi({ url: server.url, ca: server.ca, token: server.tokenOf('admin') }, 'GET', path)
    return (JSON.parse(body) as { items: Item[] }).items
  }

  test('creates the requested objects with the managed fields of real writers', async () => {
    const pods = await items<Pod>('/api/v1/pods')
    expect(pods).toHaveLength(120)
    expect(new Set(pods.map(({ spec }) => spec.nodeName)).size).toBe(5)
    expect(new Set(pods.map(({ status }) => status.phase))).toEqual(new Set(['Running', 'Pending', 'Failed']))
    const managers = pods[0]?.metadata.managedFields.map(({ manager }) => manager)
    expect(managers).toEqual(['kube-controller-manager', 'kubelet'])
    expect(await items('/api/v1/nodes')).toHaveLength(4)
    expect(await items('/api/v1/events')).toHaveLength(10)
    expect(await items('/apis/apps/v1/namespaces/prod/replicasets')).toHaveLength(8)
  })

  test('churnPods changes pods at a rate', async () => {
    const versions = async (): Promise<Map<string, string>> => {
      const pods = await items<Pod>('/api/v1/pods')
      return new Map(pods.map(({ metadata }) => [metadata.name, metadata.resourceVersion]))
    }
    const before = await versions()
    const { updates } = await churnPods(server, { rate: 20, seconds: 1 })
    const changed = [...(await versions())].filter(([name, version]) => before.get(name) !== version)
    expect(updates).toBeGreaterThan(0)
    expect(changed).toHaveLength(updates)
  })

  test('startKubelets serves the running pods of each node, with numbers that change', async () => {
    const kubelets = await startKubelets(server)
    onTestFinished(() => kubelets.stop())
    const address = { url: server.url, ca: server.ca, token: server.tokenOf('admin') }
    const nodes = await items<{ metadata: { name: string } }>('/api/v1/nodes')
    const pods = (await items<Pod>('/api/v1/pods')).filter(({ status }) => status.phase === 'Running')
    const read = async (): Promise<Summary[]> =>
      Promise.all(
        nodes.map(async ({ metadata: { name } }) => {
          const { body } = await requestApi(address, 'GET', `/api/v1/nodes/${name}/proxy/stats/summary`)
          return JSON.parse(body) as Summary
        }),
      )
    const first = await read()
    for (const { node, pods: reported } of first) {
      const expected = pods.filter(({ spec }) => spec.nodeName === node.nodeName).map(({ metadata }) => metadata.uid)
      expect(reported.map(({ podRef }) => podRef.uid).toSorted()).toEqual(expected.toSorted())
    }
    expect(new Set(first.map(({ node }) => node.nodeName)).size).toBe(nodes.length)
    await expect
      .poll(async () => JSON.stringify((await read()).map(({ node }) => node.cpu)), { timeout: 20_000 })
      .not.toBe(JSON.stringify(first.map(({ node }) => node.cpu)))
  })
})

interface Summary {
  readonly node: { readonly nodeName: string; readonly cpu: object }
  readonly pods: readonly { readonly podRef: { readonly uid: string } }[]
}
