import type { Event, NameFilter } from '@rca/core/connector'
import { compareIngresses, compareIngressParts, compareServices } from '../../changes/compare-services.ts'
import { listAttribute, type Membership } from '../../changes/differences.ts'
import { authorAttributes, byAuthor, changeAuthor, changedAt, creator } from '../../changes/field-manager.ts'
import { labelFilter } from '../../kinds/common-signals.ts'
import type { Ingress } from '../../kinds/ingress/ingress.ts'
import type { Manager } from '../../kinds/metadata.ts'
import type { Service } from '../../kinds/service/service-projection.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { createLifecycle, creationOf, deletionOf, type ObjectMoment } from '../created-deleted.ts'
import { occurrence } from '../occurrence.ts'
import { signals } from './signals.ts'

type Kind = 'Service' | 'Ingress'

/** Emits Services and Ingresses that are created, changed and deleted, with the author. */
export const serviceChanges = watchCluster((client, context) => {
  const lifecycle = createLifecycle<Service | Ingress>(client, context)
  const isWanted = labelFilter(client.config.object_labels)
  return (change) => {
    if (change.kind !== 'services' && change.kind !== 'ingresses') return
    if (change.type === 'added' && change.isInitial) return
    const kind: Kind = change.kind === 'services' ? 'Service' : 'Ingress'
    const now = context.now()
    const creation = creationOf<Service | Ingress>(change, now)
    if (creation !== undefined)
      return lifecycle.created(kind, creation.object, created(kind, creation), (old) =>
        replaced(kind, creation, old, isWanted),
      )
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

/** Describes an object that takes the place of a deleted one. */
function replaced(
  kind: Kind,
  { object, at }: ObjectMoment<Service | Ingress>,
  old: Service | Ingress,
  isWanted: NameFilter,
): Event {
  const writer = creator(object.managers)
  const moment = { id: 'replaced', at, verb: 'deleted and replaced' }
  return kind === 'Service'
    ? describeService(object as Service, compareServices(old as Service, object as Service, isWanted), writer, moment)
    : describeIngress(object as Ingress, compareIngressParts(old as Ingress, object as Ingress), writer, moment)
}

function serviceChanged(service: Service, old: Service, isWanted: NameFilter, now: Date): Event | undefined {
  const difference = compareServices(old, service, isWanted)
  if (difference === undefined) return undefined
  const writer = changeAuthor(service.managers, old.managers, ['spec'])
  const moment = { id: `${service.resourceVersion}/changed`, at: changedAt(writer, now), verb: 'changed' }
  return describeService(service, difference, writer, moment)
}

function ingressChanged(ingress: Ingress, old: Ingress, now: Date): Event | undefined {
  const difference = compareIngresses(old, ingress)
  if (difference === undefined) return undefined
  const writer = changeAuthor(ingress.managers, old.managers, ['spec'])
  const id = `${ingress.generation ?? ingress.resourceVersion}/changed`
  return describeIngress(ingress, difference, writer, { id, at: changedAt(writer, now), verb: 'changed' })
}

interface Moment {
  readonly id: string
  readonly at: Date
  /** `changed` */
  readonly verb: string
}

function describeService(
  service: Service,
  difference: ReturnType<typeof compareServices>,
  writer: Manager | undefined,
  { id, at, verb }: Moment,
): Event {
  const { fields, settings = [], selector = [], ports = NO_MEMBERS } = difference ?? {}
  const details = [...settings, ...selector.map((one) => `selector ${one}`), ...membershipOf('port', ports)]
  return signals.serviceChanged.event({
    ...occurrence('Service', service, { id, at, what: `was ${verb}${byAuthor(writer)}${listed(details)}` }),
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

function describeIngress(
  ingress: Ingress,
  difference: ReturnType<typeof compareIngresses>,
  writer: Manager | undefined,
  { id, at, verb }: Moment,
): Event {
  const { fields, settings = [], hosts = NO_MEMBERS, routes = NO_MEMBERS } = difference ?? {}
  const details = [...settings, ...membershipOf('host', hosts), ...membershipOf('route', routes)]
  return signals.ingressChanged.event({
    ...occurrence('Ingress', ingress, { id, at, what: `was ${verb}${byAuthor(writer)}${listed(details)}` }),
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

const NO_MEMBERS: Membership = { added: [], removed: [] }

function listed(details: readonly string[]): string {
  return details.length === 0 ? '' : `: ${details.join('; ')}`
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
