import { defineConnector } from '@rca/core/connector'
import { configSchema } from './config.ts'
import { openKubernetesClient } from './connect.ts'
import { deploy } from './deployment/deployment.ts'
import { stand } from './election/election.ts'
import { containers } from './events/containers/container-events.ts'
import { clusterEvents } from './events/warnings/cluster-events.ts'
import { changeWatchers } from './events/watchers.ts'
import { autoscalers, disruptionBudgets } from './kinds/autoscaler/collector.ts'
import { claims } from './kinds/claim/collector.ts'
import { cluster } from './kinds/cluster-collector.ts'
import { configMaps, secrets } from './kinds/config-object/collector.ts'
import { cronJobs, jobs } from './kinds/job/collector.ts'
import { limitRanges, namespaces, resourceQuotas } from './kinds/namespace/collector.ts'
import { nodes } from './kinds/node/collector.ts'
import { pods, requests } from './kinds/pod/collector.ts'
import { ingresses, services } from './kinds/service/collector.ts'
import { daemonSets, deployments, replicaSets, statefulSets } from './kinds/workload/collector.ts'
import { signals } from './signals.ts'
import { usage } from './usage/collector.ts'

/** Watches a Kubernetes cluster, and says how an agent is deployed to it. */
export const kubernetes = defineConnector({
  type: 'kubernetes',
  title: 'Kubernetes',
  description: 'Deploy to Kubernetes cluster using Helm',
  config: configSchema,
  signals,
  deploy,
  connect: openKubernetesClient,
  identify: async ({ uid, name, entity }) => ({ id: uid, name, entity }),
  disconnect: async ({ cluster: followed, api }) => {
    followed.close()
    api.close()
  },
  election: { run: (client, context) => stand(client, context) },
  collectors: {
    cluster,
    nodes,
    namespaces,
    'resource-quotas': resourceQuotas,
    'limit-ranges': limitRanges,
    deployments,
    'stateful-sets': statefulSets,
    'daemon-sets': daemonSets,
    'replica-sets': replicaSets,
    jobs,
    'cron-jobs': cronJobs,
    autoscalers,
    'disruption-budgets': disruptionBudgets,
    pods,
    requests,
    usage,
    services,
    ingresses,
    claims,
    'config-maps': configMaps,
    secrets,
  },
  watchers: { containers, 'cluster-events': clusterEvents, ...changeWatchers },
})
