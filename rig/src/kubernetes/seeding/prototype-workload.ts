import type { ApiConnection } from './api-connection.ts'
import { MODES, type Mode, PLACEHOLDERS, podStatus, podTemplate } from './pod-shapes.ts'

/** Replicas in the status of a workload. */
const REPLICAS = 10

/** Manager of the fields that controllers write. */
const CONTROLLERS = 'kube-controller-manager'

const { app, hash, node } = PLACEHOLDERS

/** An object to copy, as the server stored it: with defaults and `managedFields`. */
export interface Prototype {
  readonly text: string
  readonly uid: string
}

/** A workload with all its objects. */
export interface Workload {
  readonly namespace: string
  readonly deployment: Prototype
  readonly replicaSet: Prototype
  readonly service: Prototype
  readonly endpointSlice: Prototype
  readonly configMap: Prototype
  readonly event: Prototype
  readonly pods: Readonly<Record<Mode, Prototype>>
}

export function prototypePod(mode: Mode): string {
  return `${app}-${hash}-${mode}`
}

/** Creates a workload of one variant in its own namespace. */
export async function createWorkload(api: ApiConnection, variant: number): Promise<Workload> {
  const namespace = `prototype-${variant}`
  await api.post('/api/v1/namespaces', { metadata: { name: namespace } }, 'kubectl')
  const template = podTemplate(variant)
  const { labels } = template.metadata
  const withHash = { ...template, metadata: { ...template.metadata, labels: { ...labels, 'pod-template-hash': hash } } }
  const make = creating(api, namespace)
  const [companions, deployment] = await Promise.all([
    createCompanions(make, namespace),
    make('apps/v1', 'Deployment', 'deployments', 'helm', {
      metadata: { name: app, labels, annotations: { 'deployment.kubernetes.io/revision': '3' } },
      spec: { replicas: REPLICAS, selector: { matchLabels: { app } }, template },
      status: { observedGeneration: 1, replicas: REPLICAS, readyReplicas: REPLICAS, availableReplicas: REPLICAS },
    }),
  ])
  const replicaSet = await make('apps/v1', 'ReplicaSet', 'replicasets', CONTROLLERS, {
    metadata: {
      name: `${app}-${hash}`,
      labels: withHash.metadata.labels,
      ownerReferences: ownedBy('apps/v1', 'Deployment', app, deployment.uid),
    },
    spec: { replicas: REPLICAS, selector: { matchLabels: { app, 'pod-template-hash': hash } }, template: withHash },
    status: { observedGeneration: 1, replicas: REPLICAS, readyReplicas: REPLICAS, availableReplicas: REPLICAS },
  })
  const pods = MODES.map(async (mode) => {
    const ownerReferences = ownedBy('apps/v1', 'ReplicaSet', `${app}-${hash}`, replicaSet.uid)
    const pod = await make('v1', 'Pod', 'pods', CONTROLLERS, {
      metadata: { ...withHash.metadata, name: prototypePod(mode), generateName: `${app}-${hash}-`, ownerReferences },
      spec: { ...withHash.spec, ...(mode === 'unschedulable' ? {} : { nodeName: node }) },
      status: podStatus(mode, prototypePod(mode), template.spec.containers),
    })
    return [mode, pod] as const
  })
  const made = Object.fromEntries(await Promise.all(pods)) as Record<Mode, Prototype>
  return { namespace, deployment, replicaSet, pods: made, ...companions }
}

type Make = ReturnType<typeof creating>

async function createCompanions(make: Make, namespace: string) {
  const settings = Object.fromEntries(Array.from({ length: 20 }, (_, each) => [`setting-${each}`, `value-${each}`]))
  const [service, configMap, endpointSlice, event] = await Promise.all([
    make('v1', 'Service', 'services', 'helm', {
      metadata: { name: app, labels: { app } },
      spec: { clusterIP: 'None', selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    }),
    make('v1', 'ConfigMap', 'configmaps', 'helm', { metadata: { name: app, labels: { app } }, data: settings }),
    make('discovery.k8s.io/v1beta1', 'EndpointSlice', 'endpointslices', CONTROLLERS, {
      metadata: { name: app, labels: { 'kubernetes.io/service-name': app } },
      addressType: 'IPv4',
      endpoints: Array.from({ length: REPLICAS }, (_, each) => ({
        addresses: [`10.128.0.${each + 1}`],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name: `${app}-${hash}-${each}`, namespace },
      })),
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    }),
    make('v1', 'Event', 'events', 'kubelet', {
      metadata: { name: app },
      involvedObject: { kind: 'Pod', apiVersion: 'v1', namespace, name: prototypePod('crashing') },
      reason: 'BackOff',
      message: 'Back-off restarting failed container',
      type: 'Warning',
      source: { component: 'kubelet', host: node },
      firstTimestamp: PLACEHOLDERS.started,
      lastTimestamp: PLACEHOLDERS.started,
      count: 12,
    }),
  ])
  return { service, configMap, endpointSlice, event }
}

interface Desired {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown }
  readonly status?: object
  readonly [field: string]: unknown
}

/** Returns a function that creates an object and then its status, which needs another request. */
function creating(api: ApiConnection, namespace: string) {
  return async (apiVersion: string, kind: string, plural: string, as: string, desired: Desired): Promise<Prototype> => {
    const { status, ...object } = desired
    const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
    const path = `${root}/namespaces/${namespace}/${plural}`
    const made = await api.post(path, object, as)
    const writer = kind === 'Pod' ? 'kubelet' : CONTROLLERS
    const name = desired.metadata.name
    const whole = status === undefined ? made : await api.patch(`${path}/${name}/status`, { status }, writer)
    return { text: storedText({ ...whole, apiVersion, kind }), uid: made.metadata.uid }
  }
}

/** Returns an object as a server stores it: without its version, created some time ago. */
function storedText({ metadata, ...rest }: { readonly metadata: object; readonly [field: string]: unknown }): string {
  const { resourceVersion: _version, selfLink: _link, ...kept } = metadata as Record<string, unknown>
  return JSON.stringify({ ...rest, metadata: { ...kept, creationTimestamp: PLACEHOLDERS.started } })
}

function ownedBy(apiVersion: string, kind: string, name: string, uid: string): object[] {
  return [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }]
}
