import type { Collector, Connector } from '@rca/core/connector'
import type { ChangeOf, ClusterCache, ObjectsOf } from '../informer/cluster-cache.ts'
import type { KindVersions } from '../informer/discovered-kinds.ts'
import type { CachedKindDefinition } from '../informer/kind-informer.ts'
import type { SlimObject } from '../informer/object-store.ts'
import { autoscalerSignals, autoscalers, projectAutoscaler } from './autoscaler/autoscaler.ts'
import { claimSignals, claims, projectClaim } from './claim/claim.ts'
import {
  configMapSignals,
  configMaps,
  projectConfigObject,
  secretSignals,
  secrets,
} from './config-object/config-object.ts'
import { cronJobSignals, cronJobs, projectCronJob } from './cron-job/cron-job.ts'
import {
  disruptionBudgetSignals,
  disruptionBudgets,
  projectDisruptionBudget,
} from './disruption-budget/disruption-budget.ts'
import { projectEndpointSlice } from './endpoint-slice/endpoint-slice.ts'
import { projectEvent } from './event/event.ts'
import { ingresses, ingressSignals, projectIngress } from './ingress/ingress.ts'
import { jobSignals, jobs, projectJob } from './job/job.ts'
import { limitRangeSignals, limitRanges, projectLimitRange } from './limit-range/limit-range.ts'
import { namespaceSignals, namespaces, projectNamespace } from './namespace/namespace.ts'
import { nodeSignals, nodes } from './node/node-collector.ts'
import { projectNode } from './node/node-projection.ts'
import { podSignals, pods, requests } from './pod/pod-collector.ts'
import { projectPod } from './pod/pod-projection.ts'
import { projectReplicaSet, replicaSetSignals, replicaSets } from './replica-set/replica-set.ts'
import { projectResourceQuota, resourceQuotaSignals, resourceQuotas } from './resource-quota/resource-quota.ts'
import { serviceSignals, services } from './service/service-collector.ts'
import { projectService } from './service/service-projection.ts'
import {
  daemonSetSignals,
  daemonSets,
  deploymentSignals,
  deployments,
  statefulSetSignals,
  statefulSets,
} from './workload/workload-collector.ts'
import { projectDaemonSet, projectDeployment, projectStatefulSet } from './workload/workload-projection.ts'

/** How the agent reads and reports a kind. */
export interface KindDefinition
  extends KindVersions,
    Partial<Omit<CachedKindDefinition<SlimObject>, keyof KindVersions>> {
  /** Verbs that the agent's role needs. @default list and watch */
  readonly verbs?: readonly string[]
  /** API groups of the rule in the agent's role. @default the group of the newest version */
  readonly groups?: readonly string[]
  /** Subresources that the agent's role may `get`. */
  readonly subresources?: readonly string[]
  readonly signals?: Connector['signals']
  /** By name of the collector, as in heartbeats. */
  readonly collectors?: Readonly<Record<string, Collector<never>>>
}

const CORE = ['v1'] as const
const APPS = ['apps/v1'] as const
const METRICS = ['metrics.k8s.io/v1', 'metrics.k8s.io/v1beta1'] as const

/**
 * Every kind that the agent reads. A kind that the server has in none of its versions becomes a gap. Those with
 * `project` are cached, in the order of this table: short lists first, whatever the size of the cluster.
 */
export const kinds = {
  namespaces: {
    resource: 'namespaces',
    versions: CORE,
    // The uid of kube-system identifies the cluster.
    verbs: ['get', 'list', 'watch'],
    isClusterWide: true,
    project: projectNamespace,
    signals: namespaceSignals,
    collectors: { namespaces },
  },
  nodes: {
    resource: 'nodes',
    versions: CORE,
    // Summaries of kubelets.
    subresources: ['proxy'],
    isClusterWide: true,
    withManagers: true,
    project: projectNode,
    signals: nodeSignals,
    collectors: { nodes },
  },
  resourceQuotas: {
    resource: 'resourcequotas',
    versions: CORE,
    withManagers: true,
    project: projectResourceQuota,
    signals: resourceQuotaSignals,
    collectors: { 'resource-quotas': resourceQuotas },
  },
  limitRanges: {
    resource: 'limitranges',
    versions: CORE,
    project: projectLimitRange,
    signals: limitRangeSignals,
    collectors: { 'limit-ranges': limitRanges },
  },
  deployments: {
    resource: 'deployments',
    versions: APPS,
    withManagers: true,
    project: projectDeployment,
    signals: deploymentSignals,
    collectors: { deployments },
  },
  statefulSets: {
    resource: 'statefulsets',
    versions: APPS,
    withManagers: true,
    project: projectStatefulSet,
    signals: statefulSetSignals,
    collectors: { 'stateful-sets': statefulSets },
  },
  daemonSets: {
    resource: 'daemonsets',
    versions: APPS,
    withManagers: true,
    project: projectDaemonSet,
    signals: daemonSetSignals,
    collectors: { 'daemon-sets': daemonSets },
  },
  replicaSets: {
    resource: 'replicasets',
    versions: APPS,
    project: projectReplicaSet,
    signals: replicaSetSignals,
    collectors: { 'replica-sets': replicaSets },
  },
  jobs: {
    resource: 'jobs',
    versions: ['batch/v1'],
    project: projectJob,
    signals: jobSignals,
    collectors: { jobs },
  },
  cronJobs: {
    resource: 'cronjobs',
    versions: ['batch/v1', 'batch/v1beta1'],
    withManagers: true,
    project: projectCronJob,
    signals: cronJobSignals,
    collectors: { 'cron-jobs': cronJobs },
  },
  horizontalPodAutoscalers: {
    resource: 'horizontalpodautoscalers',
    versions: ['autoscaling/v2', 'autoscaling/v2beta2', 'autoscaling/v1'],
    project: projectAutoscaler,
    signals: autoscalerSignals,
    collectors: { autoscalers },
  },
  podDisruptionBudgets: {
    resource: 'poddisruptionbudgets',
    versions: ['policy/v1', 'policy/v1beta1'],
    project: projectDisruptionBudget,
    signals: disruptionBudgetSignals,
    collectors: { 'disruption-budgets': disruptionBudgets },
  },
  services: {
    resource: 'services',
    versions: CORE,
    withManagers: true,
    project: projectService,
    signals: serviceSignals,
    collectors: { services },
  },
  endpointSlices: {
    resource: 'endpointslices',
    versions: ['discovery.k8s.io/v1', 'discovery.k8s.io/v1beta1'],
    project: projectEndpointSlice,
  },
  ingresses: {
    resource: 'ingresses',
    versions: ['networking.k8s.io/v1', 'networking.k8s.io/v1beta1', 'extensions/v1beta1'],
    withManagers: true,
    project: projectIngress,
    signals: ingressSignals,
    collectors: { ingresses },
  },
  persistentVolumeClaims: {
    resource: 'persistentvolumeclaims',
    versions: CORE,
    project: projectClaim,
    signals: claimSignals,
    collectors: { claims },
  },
  configMaps: {
    resource: 'configmaps',
    versions: CORE,
    isMetadataOnly: true,
    withManagers: true,
    project: projectConfigObject,
    signals: configMapSignals,
    collectors: { 'config-maps': configMaps },
  },
  // Only with `watch_secret_names`.
  secrets: {
    resource: 'secrets',
    versions: CORE,
    isMetadataOnly: true,
    withManagers: true,
    project: projectConfigObject,
    signals: secretSignals,
    collectors: { secrets },
  },
  pods: {
    resource: 'pods',
    versions: CORE,
    // The end of a run is read again, since the cache may be behind.
    verbs: ['get', 'list', 'watch'],
    subresources: ['log'],
    project: projectPod,
    signals: podSignals,
    collectors: { pods, requests },
  },
  events: {
    resource: 'events',
    versions: ['events.k8s.io/v1', 'v1'],
    // The same objects in both groups.
    groups: ['', 'events.k8s.io'],
    // Bookmarks come from the watch cache, which servers do not have for events.
    hasNoBookmarks: true,
    project: projectEvent,
  },
  podMetrics: { resource: 'pods', versions: METRICS, verbs: ['list'] },
  nodeMetrics: { resource: 'nodes', versions: METRICS, verbs: ['list'], isClusterWide: true },
} as const satisfies Readonly<Record<string, KindDefinition>>

export type KindName = keyof typeof kinds

export type ObjectsByKind = ObjectsOf<typeof kinds>

/** A kind whose objects are cached. */
export type CachedKind = keyof ObjectsByKind

export const cachedKinds: readonly CachedKind[] = (Object.keys(kinds) as KindName[]).filter(
  (kind): kind is CachedKind => 'project' in kinds[kind],
)

export type Cluster = ClusterCache<typeof kinds>

export type ClusterChange = ChangeOf<ObjectsByKind>

/** Must not throw. */
export type ChangeListener = (change: ClusterChange) => void
