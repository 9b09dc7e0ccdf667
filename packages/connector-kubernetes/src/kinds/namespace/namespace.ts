import {
  type Collector,
  type Entity,
  type EntityReference,
  entity,
  type Metric,
  mergeSignals,
  metric,
  type NameFilter,
  type Signals,
} from '@rca/core/connector'
import type { ApiResource, KubernetesApi } from '../../api/kubernetes-api.ts'
import { common, commonAttributes, labelFilter } from '../common-signals.ts'
import { type Fields, partsOf, present, text, texts } from '../fields.ts'
import { intern } from '../intern.ts'
import { KIND_TIMEOUT, type KindClient, type KindSource, kindCollector } from '../kind-collector.ts'
import { conditionsOf, type Metadata, metadataOf } from '../metadata.ts'

/** A namespace. Deletion waits for the `finalizers` of the metadata and of the specification. */
export interface Namespace extends Metadata {
  /** `Active` or `Terminating`. */
  readonly phase: string | undefined
  /** Content that deletion still waits for, as `NamespaceContentRemaining: …`. Unredacted. */
  readonly remains: readonly string[]
}

export function projectNamespace(raw: unknown): Namespace {
  const { spec, status } = partsOf(raw)
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    finalizers: finalizersOf(metadata, spec),
    phase: text(status.phase),
    remains: remainsOf(status),
  }
}

/** Leaves out the finalizer that every namespace has: conditions say what its controller waits for. */
function finalizersOf({ finalizers }: Metadata, spec: Fields): readonly string[] {
  const others = texts(spec.finalizers).filter((finalizer) => finalizer !== 'kubernetes')
  return others.length === 0 ? finalizers : intern(present([...finalizers, ...others]))
}

/** The namespace controller sets conditions only during deletion; each is true as long as something is left. */
function remainsOf(status: Fields): readonly string[] {
  const open = conditionsOf(status).filter(({ type, status }) => type.startsWith('Namespace') && status === 'True')
  return open.map(({ type, message }) => (message === undefined ? type : `${type}: ${message}`))
}

export const namespaceSignals = {
  namespace: entity({
    type: 'k8s.namespace',
    description: 'A namespace.',
    attributes: { ...common('namespace'), 'k8s.namespace.phase': '`Active` or `Terminating`.' },
    relations: { owned_by: 'The cluster.' },
  }),
  namespacePhase: metric({
    name: 'k8s.namespace.phase',
    unit: '{namespace}',
    kind: 'updowncounter',
    description: 'Phase of a namespace: 1 for the present one.',
    attributes: { 'k8s.namespace.phase': '`active` or `terminating`.' },
  }),
}

type NamespaceSource = KindSource<'namespaces', Namespace> & { resource(kind: 'namespaces'): ApiResource | undefined }

export interface NamespaceClient extends KindClient<NamespaceSource> {
  readonly api: Pick<KubernetesApi, 'get'>
  readonly config: { readonly object_labels: readonly string[]; readonly namespaces: readonly string[] }
}

/**
 * Reports every watched namespace. An agent that is restricted to some namespaces may not list them: it gets each by
 * name.
 */
export const namespaces: Collector<NamespaceClient> = {
  interval: '60s',
  timeout: KIND_TIMEOUT,
  async collect(client, context) {
    if (client.config.namespaces.length === 0) return allNamespaces.collect(client, context)
    return mergeSignals(
      await Promise.all(client.config.namespaces.map((name) => getNamespace(name, client, context.signal))),
    )
  },
}

const allNamespaces = kindCollector('namespaces', {
  type: namespaceSignals.namespace.type,
  entity: describe,
  metrics: ({ phase }, entity) => [phasePoint(phase, entity)],
})

async function getNamespace(name: string, client: NamespaceClient, signal: AbortSignal): Promise<Signals> {
  const resource = client.cluster.resource('namespaces')
  if (resource === undefined) return {}
  const gap = (reason: string): Signals => ({ gaps: [{ scope: `kubernetes:namespaces/${name}`, reason }] })
  try {
    const found = await client.api.get(resource, { name }, signal)
    if (found === undefined) return gap(`\`namespaces\`: namespace ${name} does not exist`)
    const namespace = projectNamespace(found)
    const entity = describe(namespace, labelFilter(client.config.object_labels), client.entity)
    return { entities: [entity], metrics: [phasePoint(namespace.phase, entity)] }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { ...gap(reason), unread: [namespaceSignals.namespace.reference(name)] }
  }
}

function describe(namespace: Namespace, allowsLabel: NameFilter, cluster: EntityReference): Entity {
  return namespaceSignals.namespace.entity({
    id: namespace.name,
    name: namespace.name,
    attributes: { ...commonAttributes('namespace', namespace, allowsLabel), 'k8s.namespace.phase': namespace.phase },
    relations: [{ type: 'owned_by', target: cluster }],
  })
}

function phasePoint(phase: string | undefined, entity: EntityReference): Metric | undefined {
  return namespaceSignals.namespacePhase.point(phase === undefined ? undefined : 1, entity, {
    'k8s.namespace.phase': phase?.toLowerCase(),
  })
}
