import type { ApiResource, Discovery, GroupVersion } from '../api/kubernetes-api.ts'

/** A kind of object, with the group versions in which servers have it, newest first. */
interface KindCandidates {
  readonly resource: string
  readonly versions: readonly string[]
  readonly isMetadataOnly?: true
  readonly hasNoBookmarks?: true
}

const core = ['v1']
const apps = ['apps/v1']
const metrics = ['metrics.k8s.io/v1', 'metrics.k8s.io/v1beta1']

/** Everything that is read of a cluster. What a server has in no version is a gap. */
export const kinds = {
  namespaces: { resource: 'namespaces', versions: core },
  nodes: { resource: 'nodes', versions: core },
  pods: { resource: 'pods', versions: core },
  services: { resource: 'services', versions: core },
  persistentVolumeClaims: { resource: 'persistentvolumeclaims', versions: core },
  resourceQuotas: { resource: 'resourcequotas', versions: core },
  limitRanges: { resource: 'limitranges', versions: core },
  // Whose data is nobody's business.
  configMaps: { resource: 'configmaps', versions: core, isMetadataOnly: true },
  secrets: { resource: 'secrets', versions: core, isMetadataOnly: true },
  deployments: { resource: 'deployments', versions: apps },
  statefulSets: { resource: 'statefulsets', versions: apps },
  daemonSets: { resource: 'daemonsets', versions: apps },
  replicaSets: { resource: 'replicasets', versions: apps },
  jobs: { resource: 'jobs', versions: ['batch/v1'] },
  cronJobs: { resource: 'cronjobs', versions: ['batch/v1', 'batch/v1beta1'] },
  horizontalPodAutoscalers: {
    resource: 'horizontalpodautoscalers',
    versions: ['autoscaling/v2', 'autoscaling/v2beta2', 'autoscaling/v1'],
  },
  podDisruptionBudgets: { resource: 'poddisruptionbudgets', versions: ['policy/v1', 'policy/v1beta1'] },
  endpointSlices: { resource: 'endpointslices', versions: ['discovery.k8s.io/v1', 'discovery.k8s.io/v1beta1'] },
  ingresses: {
    resource: 'ingresses',
    versions: ['networking.k8s.io/v1', 'networking.k8s.io/v1beta1', 'extensions/v1beta1'],
  },
  // Servers have no watch cache for it, which is what sends bookmarks.
  events: { resource: 'events', versions: ['events.k8s.io/v1', 'v1'], hasNoBookmarks: true },
  leases: { resource: 'leases', versions: ['coordination.k8s.io/v1', 'coordination.k8s.io/v1beta1'] },
  podMetrics: { resource: 'pods', versions: metrics },
  nodeMetrics: { resource: 'nodes', versions: metrics },
} as const satisfies Readonly<Record<string, KindCandidates>>

export type KindName = keyof typeof kinds

/** Why a kind cannot be seen at all. */
export interface MissingKind {
  readonly name: KindName
  readonly reason: string
}

/** The kinds that a server has, each in the newest version that both sides know. */
export interface FoundKinds {
  readonly found: Readonly<Partial<Record<KindName, ApiResource>>>
  readonly missing: readonly MissingKind[]
}

/** The group versions that have to be asked for, each once. */
export function wantedGroupVersions(names: readonly KindName[] = kindNames): GroupVersion[] {
  const wanted = new Set(names.flatMap((name): readonly string[] => kinds[name].versions))
  return [...wanted].map(toGroupVersion)
}

/** Chooses by what the server has, not by its version number. */
export function findKinds(discovery: Discovery, names: readonly KindName[] = kindNames): FoundKinds {
  const found: Partial<Record<KindName, ApiResource>> = {}
  const missing: MissingKind[] = []
  for (const name of names) {
    const resource = newest(discovery, kinds[name])
    if (resource === undefined) missing.push({ name, reason: whyMissing(discovery, kinds[name]) })
    else found[name] = resource
  }
  return { found, missing }
}

const kindNames = Object.keys(kinds) as KindName[]

function newest({ resources }: Discovery, candidates: KindCandidates): ApiResource | undefined {
  const { resource, versions, isMetadataOnly, hasNoBookmarks } = candidates
  for (const { group, version } of versions.map(toGroupVersion)) {
    const found = resources.find((one) => one.group === group && one.version === version && one.resource === resource)
    if (found !== undefined) return { ...found, isMetadataOnly, hasNoBookmarks }
  }
  return undefined
}

function whyMissing({ failures }: Discovery, { resource, versions }: KindCandidates): string {
  const failure = failures.find(({ group, version }) =>
    versions.includes(group === '' ? version : `${group}/${version}`),
  )
  return failure === undefined
    ? `the server has no ${resource} in ${versions.join(' or ')}`
    : `${failure.group}/${failure.version} does not answer: ${failure.error.message}`
}

/** `apps/v1` */
function toGroupVersion(text: string): GroupVersion {
  const [version = '', group = ''] = text.split('/').reverse()
  return { group, version }
}
