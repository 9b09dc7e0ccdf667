import { type Collector, defineConnector, type StreamingCollector } from '@rca/core/connector'
import { configSchema } from './config.ts'
import { openKubernetesClient } from './connect.ts'
import { deploy } from './deployment/deployment.ts'
import { runElection } from './election/lease-election.ts'
import { watchers } from './events/watchers.ts'
import { openKeySecret } from './key-secret.ts'
import { cluster } from './kinds/cluster.ts'
import { kinds } from './kinds/index.ts'
import type { KubernetesClient } from './kubernetes-client.ts'
import { signals } from './signals.ts'
import { usage } from './usage/collector.ts'

const collectors: Readonly<Record<string, Collector<KubernetesClient> | StreamingCollector<KubernetesClient>>> = {
  cluster,
  ...Object.assign({}, ...Object.values(kinds).map((kind) => ('collectors' in kind ? kind.collectors : {}))),
  usage,
}

/** Watches a Kubernetes cluster and deploys agents to it. */
export const kubernetes = defineConnector({
  type: 'kubernetes',
  title: 'Kubernetes',
  description: 'Deploy to Kubernetes cluster using Helm',
  config: configSchema,
  signals,
  deploy,
  connect: openKubernetesClient,
  identify: async ({ uid, name, entity }) => ({ id: uid, name, entity }),
  disconnect: async ({ cluster: cache, api }) => {
    cache.close()
    api.close()
  },
  keyStore: (client) => openKeySecret(client),
  election: { run: (client, context) => runElection(client, context) },
  collectors,
  watchers,
})
