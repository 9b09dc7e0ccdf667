import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Event } from '@rca/core/connector'
import { type ApiServer, findKubectl, missingForApiServer, run, startApiServer } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { undeclared } from '../../test/watch-declared.ts'
import { watchServer } from '../../test/watched-server.ts'
import type { Claim } from '../kinds/claim/claim.ts'
import { watchers } from './watchers.ts'

const kubectl = await findKubectl()
const absence = kubectl === undefined ? { missing: '`kubectl` is not installed' } : await missingForApiServer()

const deployment = (env: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop, labels: { helm.sh/chart: shop-1.2.3 }, annotations: { meta.helm.sh/release-name: shop } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: shop/web:1
          command: [serve, --key, canary-command]
          env: [{ name: DB_PASSWORD, value: ${env} }]
          envFrom: [{ configMapRef: { name: web } }]
`
const quota = (pods: number) => `
apiVersion: v1
kind: ResourceQuota
metadata: { name: compute, namespace: shop }
spec: { hard: { pods: '${pods}', requests.cpu: '4' } }
`
const claim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, namespace: shop, finalizers: [example.test/backup] }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`
const node = `
apiVersion: v1
kind: Node
metadata: { name: node-1 }
`

/** Returns whether the server itself caused an event when it started. */
function isOfServer({ attributes }: Event): boolean {
  return attributes['k8s.namespace.name'] === 'kube-system'
}

realDescribe('changes in a real cluster', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-connector-kubernetes-'))
  const pending: Event[] = []
  /** How far the agent's clock is ahead, in milliseconds. */
  let ahead = 0
  let server: ApiServer
  /** Ids of all events. */
  const ids = new Set<string | undefined>()
  let watchAll: (events: Event[]) => void = () => undefined
  let end: () => Promise<void> = async () => undefined
  /** Claims in the agent's cache. */
  let claims: () => readonly Claim[] = () => []

  const ask = (...words: string[]): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', server.kubeconfigOf('admin'), ...words])
  const apply = async (manifest: string, by = 'kubectl-client-side-apply'): Promise<void> => {
    const file = join(folder, 'manifest.yaml')
    writeFileSync(file, manifest)
    await ask('apply', '-f', file, `--field-manager=${by}`)
  }
  /** Returns the new events once there is one for each name. */
  const next = async (...names: string[]): Promise<Event[]> => {
    await expect.poll(() => pending.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(names.length)
    const events = pending.splice(0)
    for (const { id } of events) expect(ids).not.toContain(id)
    for (const { id } of events) ids.add(id)
    expect(events.flatMap(undeclared)).toEqual([])
    expect(JSON.stringify(events)).not.toMatch(/canary|last-applied|f:spec/)
    expect(events.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
    return events
  }

  beforeAll(async () => {
    server = await startApiServer({ folder, controllers: true })
    await ask('create', 'namespace', 'shop')
    await ask('create', 'namespace', 'doomed')
    for (const name of ['a', 'b', 'c']) await ask('-n', 'doomed', 'create', 'configmap', name)
    await ask('-n', 'doomed', 'create', 'deployment', 'web', '--image=shop/web:1')
    await ask('-n', 'shop', 'create', 'configmap', 'web', '--from-literal=setting=canary-old')
    await apply([deployment('canary-env-old'), quota(10), node].join('---'))
    const watched = await watchServer({ kubeconfig: server.kubeconfigOf('admin') })
    claims = () => [...watched.client.cluster.objects('persistentVolumeClaims').values()]
    watchAll = (events) => {
      const take = (event: Event): void => {
        if (!isOfServer(event)) events.push(event)
      }
      watched.watch(watchers, take, () => new Date(Date.now() + ahead))
    }
    watchAll(pending)
    end = watched.end
  }, 120_000)
  afterAll(async () => {
    await end()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  test('reports recent objects when the agent starts', async () => {
    await expect.poll(() => pending.filter(({ name }) => name === 'k8s.workload.created').length).toBe(2)
    const events = pending.splice(0)
    for (const { id } of events) ids.add(id)
    const names = new Set(events.map(({ name }) => name))
    expect(names).toEqual(new Set(['k8s.workload.created', 'k8s.namespace.created', 'k8s.node.added']))
  })

  test('reports another image by `kubectl set image`', async () => {
    await ask('-n', 'shop', 'set', 'image', 'deployment/web', 'app=shop/web:2')
    const [event] = await next('k8s.workload.changed')
    expect(event).toMatchObject({
      severity: 'warning',
      entity: { type: 'k8s.deployment', id: 'shop/web' },
      body: 'Deployment shop/web was changed by kubectl-set: app: shop/web:1 → shop/web:2',
      attributes: {
        'change.by': 'kubectl-set',
        'change.fields': ['image'],
        'change.images': ['app: shop/web:1 → shop/web:2'],
        'k8s.helm.release': 'shop',
        'k8s.workload.generation': 2,
      },
    })
  })

  test('reports another number of pods', async () => {
    await ask('-n', 'shop', 'patch', 'deployment', 'web', '-p', '{"spec":{"replicas":5}}')
    const [event] = await next('k8s.workload.scaled')
    expect(event).toMatchObject({
      body: 'Deployment shop/web was scaled by kubectl-patch: 2 → 5',
      attributes: { 'change.replicas.old': 2, 'change.replicas.new': 5 },
    })
  })

  test('does not name an earlier author for `kubectl scale`', async () => {
    await ask('-n', 'shop', 'scale', 'deployment', 'web', '--replicas=2')
    const [event] = await next('k8s.workload.scaled')
    expect(event?.body).toBe('Deployment shop/web was scaled: 5 → 2')
    expect(event?.attributes).not.toHaveProperty(['change.by'])
  })

  test('reports a changed variable by its name only', async () => {
    await apply(deployment('canary-env-new').replace('shop/web:1', 'shop/web:2'), 'helm')
    const [event] = await next('k8s.workload.changed')
    expect(event).toMatchObject({
      attributes: {
        'change.by': 'helm',
        'change.fields': ['environment'],
        'change.environment.changed': ['app/DB_PASSWORD'],
      },
    })
  })

  test('reports a restart', async () => {
    await ask('-n', 'shop', 'rollout', 'restart', 'deployment/web')
    const [event] = await next('k8s.workload.changed')
    expect(event).toMatchObject({ attributes: { 'change.fields': ['restart'], 'change.restart': true } })
    expect(event?.body).toMatch(/^Deployment shop\/web was restarted by kubectl/)
  })

  test('does not report a label or the status of a Deployment', async () => {
    await ask('-n', 'shop', 'label', 'deployment', 'web', 'team=shop')
    await ask('-n', 'shop', 'annotate', 'deployment', 'web', 'note=canary')
    await ask('-n', 'shop', 'label', 'configmap', 'web', 'team=shop')
    await ask('-n', 'shop', 'annotate', 'configmap', 'web', 'control-plane.alpha.kubernetes.io/leader={}')
    // The next event shows that no other was emitted.
    await ask('-n', 'shop', 'patch', 'deployment', 'web', '-p', '{"spec":{"paused":true}}')
    const [event] = await next('k8s.workload.changed')
    expect(event).toMatchObject({ attributes: { 'change.settings': ['paused: false → true'] } })
  })

  test('reports a changed ConfigMap with its users', async () => {
    await ask('-n', 'shop', 'patch', 'configmap', 'web', '-p', '{"data":{"setting":"canary-new"}}')
    const [event] = await next('k8s.config.changed')
    expect(event).toMatchObject({
      severity: 'warning',
      body: 'ConfigMap shop/web was changed by kubectl-patch; used by Deployment/web',
      attributes: { 'change.by': 'kubectl-patch', 'k8s.config.used_by': ['Deployment/web'] },
    })
    expect(JSON.stringify(event)).not.toMatch(/canary|setting/)
  })

  test('reports a changed quota', async () => {
    await apply(quota(1))
    const [event] = await next('k8s.quota.changed')
    expect(event).toMatchObject({
      body: 'ResourceQuota shop/compute was changed by kubectl-client-side-apply: pods: 10 → 1',
      attributes: { 'change.limits': ['pods: 10 → 1'] },
    })
  })

  test('reports a node that is cordoned and removed', async () => {
    await ask('cordon', 'node-1')
    const [cordoned] = await next('k8s.node.cordoned')
    expect(cordoned?.body).toMatch(/^Node node-1 was cordoned by kubectl/)
    await ask('delete', 'node', 'node-1')
    const [removed] = await next('k8s.node.removed')
    expect(removed).toMatchObject({ severity: 'warning', attributes: { 'k8s.node.pods': 0 } })
  })

  test('reports the deletion of a namespace with all its objects', async () => {
    await ask('delete', 'namespace', 'doomed', '--wait=true')
    const events = await next('k8s.namespace.terminating', 'k8s.namespace.deleted')
    for (const { attributes } of events)
      expect(attributes['k8s.namespace.objects']).toEqual(['deployments: 1', 'configMaps: 4'])
  })

  test('reports only the Deployment when it is deleted', async () => {
    await ask('-n', 'shop', 'delete', 'deployment', 'web')
    const [event] = await next('k8s.workload.deleted')
    expect(event).toMatchObject({ entity: { id: 'shop/web' }, attributes: { 'k8s.helm.chart': 'shop-1.2.3' } })
  })

  test('reports a claim whose deletion is stuck', async () => {
    await apply(claim)
    await ask('-n', 'shop', 'delete', 'persistentvolumeclaim', 'data', '--wait=false')
    await expect.poll(() => claims().some(({ deleted }) => deleted !== undefined), { timeout: 5_000 }).toBe(true)
    // It is looked at every ten seconds.
    ahead = 360_000
    await expect.poll(() => pending.length, { timeout: 15_000 }).toBe(1)
    ahead = 0
    const [event] = await next('k8s.deletion.stuck')
    expect(event?.body).toMatch(
      /^PersistentVolumeClaim shop\/data should have been deleted by .*: finalizer example\.test\/backup/,
    )
    await ask('-n', 'shop', 'patch', 'persistentvolumeclaim', 'data', '--patch={"metadata":{"finalizers":null}}')
  }, 30_000)

  test('reports recent events with the same ids after a restart of the agent', async () => {
    const again: Event[] = []
    watchAll(again)
    await expect.poll(() => again.length).toBeGreaterThan(0)
    for (const { id } of again) expect(ids).toContain(id)
    expect(pending).toEqual([])
  })
})
