import type { Event, NameFilter } from '@rca/core/connector'
import { compareIngresses, compareServices } from '../../changes/compare-services.ts'
import { listAttribute, type Membership } from '../../changes/differences.ts'
import { authorAttributes, byAuthor, changeAuthor, changedAt, creator } from '../../changes/field-manager.ts'
import { labelFilter } from '../../kinds/common-signals.ts'
import type { Ingress } from '../../kinds/ingress/ingress.ts'
import type { Service } from '../../kinds/service/service-projection.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { createLifecycle, creationOf, deletionOf, type ObjectMoment } from '../created-deleted.ts'
import { occurrence } from '../occurrence.ts'
import { signals } from './signals.ts'

type Kind = 'Service' | 'Ingress'

/** Emits Services and Ingresses that are created, changed and deleted, with the author. */
export const serviceChanges = watchCluster((client, context) => {
  const lifecycle = createLifecycle(client, context)
  const isWanted = labelFilter(client.config.object_labels)
  return (change) => {
    if (change.kind !== 'services' && change.kind !== 'ingresses') return
    if (change.type === 'added' && change.isInitial) return
    const kind: Kind = change.kind === 'services' ? 'Service' : 'Ingress'
    const now = context.now()
    const creation = creationOf<Service | Ingress>(change, now)
    if (creation !== undefined) return lifecycle.created(kind, creation.object, created(kind, creation))
    const deletion = deletionOf<Service | Ingress>(change, now)
    if (deletion !== undefined) return lifecycle.deleted(kind, deletion.object, deleted(kind, deletion))
    if (change.type !== 'changed' || change.object.deleted !== undefined) return
    context.emit(
      change.kind === 'services'
        ? serviceChanged(change.object, change.old, isWanted, now)
        : ingressChanged(change.object, change.old, now),
    )
  }
})

function created(kind: Kind, { object, at }: ObjectMoment<Service | Ingress>): Event {
  const writer = creator(object.managers)
  const definition = kind === 'Service' ? signals.serviceCreated : signals.ingressCreated
  return definition.event({
    ...occurrence(kind, object, { id: 'created', at, what: `was created${byAuthor(writer)}` }),
    attributes: { ...attributesOf(kind, object), ...authorAttributes(writer) },
  })
}

function deleted(kind: Kind, { object, at }: ObjectMoment<Service | Ingress>): Event {
  const definition = kind === 'Service' ? signals.serviceDeleted : signals.ingressDeleted
  return definition.event({
    ...occurrence(kind, object, { id: 'deleted', at, what: 'was deleted' }),
    attributes: attributesOf(kind, object),
  })
}

function serviceChanged(service: Service, old: Service, isWanted: NameFilter, now: Date): Event | undefined {
  const difference = compareServices(old, service, isWanted)
  if (difference === undefined) return undefined
  const { fields, settings, selector, ports } = difference
  const writer = changeAuthor(service.managers, old.managers, ['spec'])
  const details = [...settings, ...selector.map((one) => `selector ${one}`), ...membershipOf('port', ports)]
  return signals.serviceChanged.event({
    ...occurrence('Service', service, {
      id: `${service.resourceVersion}/changed`,
      at: changedAt(writer, now),
      what: `was changed${byAuthor(writer)}: ${details.join('; ')}`,
    }),
    attributes: {
      ...attributesOf('Service', service),
      ...authorAttributes(writer),
      'change.fields': fields,
      'change.settings': listAttribute(settings),
      'change.selector': listAttribute(selector),
      'change.ports.added': listAttribute(ports.added),
      'change.ports.removed': listAttribute(ports.removed),
    },
  })
}

function ingressChanged(ingress: Ingress, old: Ingress, now: Date): Event | undefined {
  const difference = compareIngresses(old, ingress)
  if (difference === undefined) return undefined
  const { fields, settings, hosts, routes } = difference
  const writer = changeAuthor(ingress.managers, old.managers, ['spec'])
  const details = [...settings, ...membershipOf('host', hosts), ...membershipOf('route', routes)].join('; ')
  return signals.ingressChanged.event({
    ...occurrence('Ingress', ingress, {
      id: `${ingress.generation ?? ingress.resourceVersion}/changed`,
      at: changedAt(writer, now),
      what: `was changed${byAuthor(writer)}${details === '' ? '' : `: ${details}`}`,
    }),
    attributes: {
      ...attributesOf('Ingress', ingress),
      ...authorAttributes(writer),
      'change.fields': fields,
      'change.settings': listAttribute(settings),
      'change.hosts.added': listAttribute(hosts.added),
      'change.hosts.removed': listAttribute(hosts.removed),
      'change.routes.added': listAttribute(routes.added),
      'change.routes.removed': listAttribute(routes.removed),
    },
  })
}

function membershipOf(what: string, { added, removed }: Membership): readonly string[] {
  return [...removed.map((one) => `${what} ${one} removed`), ...added.map((one) => `${what} ${one} added`)]
}

function attributesOf(kind: Kind, { namespace, name }: Service | Ingress) {
  return {
    'k8s.namespace.name': namespace,
    [kind === 'Service' ? 'k8s.service.name' : 'k8s.ingress.name']: name,
  }
}
