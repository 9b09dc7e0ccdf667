import { defineConnector } from '@rca/core'
import { autoscalers, disruptionBudgets } from './collectors/autoscaling.ts'
import { claims } from './collectors/claims.ts'
import { cluster } from './collectors/cluster.ts'
import { configMaps, secrets } from './collectors/config-objects.ts'
import { cronJobs, jobs } from './collectors/jobs.ts'
import { limitRanges, namespaces, resourceQuotas } from './collectors/namespaces.ts'
import { nodes } from './collectors/nodes.ts'
import { pods, requests } from './collectors/pods.ts'
import { ingresses, services } from './collectors/services.ts'
import { usage } from './collectors/usage.ts'
import { daemonSets, deployments, replicaSets, statefulSets } from './collectors/workloads.ts'
import { configSchema } from './config.ts'
import { deploy } from './deployment/deployment.ts'
import { stand } from './election/election.ts'
import { containers } from './events/containers/container-events.ts'
import { clusterEvents } from './events/warnings/cluster-events.ts'
import { changeWatchers } from './events/watchers.ts'
import { openKubernetesClient } from './open-client.ts'
import { signals } from './signals.ts'

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
