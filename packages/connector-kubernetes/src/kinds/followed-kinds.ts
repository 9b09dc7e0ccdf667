import { type Autoscaler, projectAutoscaler } from './autoscaler/autoscaler.ts'
import { type Claim, projectClaim } from './claim/claim.ts'
import { type ConfigObject, projectConfigObject } from './config-object/config-object.ts'
import { type DisruptionBudget, projectDisruptionBudget } from './disruption-budget/disruption-budget.ts'
import { type ClusterEvent, projectEvent } from './event/event.ts'
import { type CronJob, type Job, projectCronJob, projectJob } from './job/job.ts'
import {
  type LimitRange,
  type Namespace,
  projectLimitRange,
  projectNamespace,
  projectResourceQuota,
  type ResourceQuota,
} from './namespace/namespace.ts'
import { type Node, projectNode } from './node/node.ts'
import { type Pod, projectPod } from './pod/pod.ts'
import { projectReplicaSet, type ReplicaSet } from './replica-set/replica-set.ts'
import {
  type EndpointSlice,
  type Ingress,
  projectEndpointSlice,
  projectIngress,
  projectService,
  type Service,
} from './service/service.ts'
import type { KeyedHash } from './workload/pod-template.ts'
import { projectDaemonSet, projectDeployment, projectStatefulSet, type Workload } from './workload/workload.ts'

/** What is kept of each kind. */
export interface ObjectsByKind {
  readonly namespaces: Namespace
  readonly nodes: Node
  readonly resourceQuotas: ResourceQuota
  readonly limitRanges: LimitRange
  readonly deployments: Workload
  readonly statefulSets: Workload
  readonly daemonSets: Workload
  readonly replicaSets: ReplicaSet
  readonly jobs: Job
  readonly cronJobs: CronJob
  readonly horizontalPodAutoscalers: Autoscaler
  readonly podDisruptionBudgets: DisruptionBudget
  readonly services: Service
  readonly endpointSlices: EndpointSlice
  readonly ingresses: Ingress
  readonly persistentVolumeClaims: Claim
  readonly configMaps: ConfigObject
  readonly secrets: ConfigObject
  readonly pods: Pod
  readonly events: ClusterEvent
}

export type FollowedKind = keyof ObjectsByKind

/** How a kind is followed. */
export interface Following<Slim> {
  readonly project: (raw: unknown, keyedHash: KeyedHash) => Slim
  /** Who wrote to an object is wanted, too. */
  readonly withManagers?: true
  /** It belongs to no namespace: a role in a namespace cannot grant it. */
  readonly isClusterWide?: true
}

/** Everything that is followed, in the order in which it is listed: small lists first, whatever the size of the cluster. */
export const followedKinds: { readonly [Kind in FollowedKind]: Following<ObjectsByKind[Kind]> } = {
  namespaces: { project: projectNamespace, isClusterWide: true },
  nodes: { project: projectNode, withManagers: true, isClusterWide: true },
  resourceQuotas: { project: projectResourceQuota, withManagers: true },
  limitRanges: { project: projectLimitRange },
  deployments: { project: projectDeployment, withManagers: true },
  statefulSets: { project: projectStatefulSet, withManagers: true },
  daemonSets: { project: projectDaemonSet, withManagers: true },
  replicaSets: { project: projectReplicaSet },
  jobs: { project: projectJob },
  cronJobs: { project: projectCronJob, withManagers: true },
  horizontalPodAutoscalers: { project: projectAutoscaler },
  podDisruptionBudgets: { project: projectDisruptionBudget },
  services: { project: projectService, withManagers: true },
  endpointSlices: { project: projectEndpointSlice },
  ingresses: { project: projectIngress, withManagers: true },
  persistentVolumeClaims: { project: projectClaim },
  configMaps: { project: projectConfigObject, withManagers: true },
  secrets: { project: projectConfigObject, withManagers: true },
  pods: { project: projectPod },
  events: { project: projectEvent },
}
