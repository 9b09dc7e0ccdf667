import { checks, type Fault, type Scenario, type ScenarioSystem, summarize } from '@rca/connector-testkit'
import { testConformance } from '@rca/rig/conformance'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { type Answer, refusing } from '../test/api-server.ts'
import { change, NOW, prepare } from '../test/changing-cluster.ts'
import { type ClusterServer, clusterServer } from '../test/cluster-server.ts'
import { kubernetes } from './index.ts'

const TOKEN = 'canary-of-a-token'

const FAULTS: Readonly<Record<string, Answer>> = {
  'answers 403': refusing(403, 'Forbidden'),
  'answers 500': refusing(500, 'InternalError'),
  'answers a page of HTML': (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Sign in</body></html>'),
}

/** A cluster of one node, whose API server answers with captured objects. */
async function start(): Promise<ScenarioSystem & { readonly cluster: ClusterServer }> {
  const cluster = await clusterServer()
  const root = temporaryDirectory()
  root.write('kubeconfig', kubeconfig(cluster.url))
  const everywhere =
    (answer: Answer): Fault =>
    () => {
      cluster.answer = () => answer
      return () => {
        cluster.answer = () => undefined
      }
    }
  const summary =
    (answer: Answer): Fault =>
    () => {
      cluster.answer = (path) => (path.endsWith('/stats/summary') ? answer : undefined)
      return () => {
        cluster.answer = () => undefined
      }
    }
  /** Ends the watches of a kind, and refuses further ones. */
  const kind =
    (resource: string, answer: Answer): Fault =>
    async () => {
      const isOfKind = (path: string): boolean => path.endsWith(`/${resource}`)
      cluster.answer = (path) => (isOfKind(path) ? answer : undefined)
      cluster.breakWatches(resource)
      // At the second request, the first failure is known.
      await cluster.requested(isOfKind)
      await cluster.requested(isOfKind)
      return async () => {
        cluster.answer = () => undefined
        await cluster.requested(isOfKind)
      }
    }
  return {
    cluster,
    address: cluster.url,
    options: { kubeconfig: `${root.path}/kubeconfig`, lease_name: 'agents' },
    faults: Object.fromEntries([
      ...Object.entries(FAULTS).map(([fault, answer]) => [`kubelet ${fault}`, summary(answer)] as const),
      // One fault: the agent waits before it watches again. `informer/reflector.test.ts` has the others.
      ['deployments answers 500', kind('deployments', refusing(500, 'InternalError'))],
    ]),
    deny: everywhere(refusing(403, 'Forbidden')),
    silence: everywhere(() => undefined),
    requests: () => cluster.requests.length,
    permissions: cluster.permissions,
    secrets: [TOKEN],
    environment: ['canary-'],
    close: cluster.close,
  }
}

/** A cluster in which something of each kind changes. */
async function startChanging(): Promise<ScenarioSystem> {
  const { cluster, address = '', options = {}, close } = await start()
  prepare(cluster)
  return {
    address,
    options: { ...options, watch_secret_names: true },
    permissions: cluster.permissions,
    act: () => change(cluster),
    actEvents: ['k8s.service.available', 'k8s.container.restart_loop', 'k8s.workload.scaled'],
    close,
  }
}

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'agent' } }],
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'agent', user: { token: TOKEN } }],
  })
}

/** Kubelets that refuse the agent are asked again after ten minutes. */
const intervalMs = 660_000
/** The first round waits for the lists of all kinds. */
const maxRequests = 25
const scenario: Scenario = { name: 'a cluster of version 1.20', intervalMs, maxRequests, start }

const suite = checks(kubernetes, {
  scenarios: [scenario, { name: 'a cluster that changes', at: NOW, start: startChanging }],
  packageFolder: `${import.meta.dirname}/..`,
  nodeArguments: ['--conditions=@rca/source'],
  strict: true,
})
testConformance(suite, summarize)
