import type { NameFilter } from '@rca/core/connector'
import type { Ingress } from '../kinds/ingress/ingress.ts'
import type { Service, ServicePort } from '../kinds/service/service-projection.ts'
import { changedFields, labelTransitions, membership, transitions } from './differences.ts'

/** Compares the parts of a Service that its author sets; `undefined` if nothing differs. */
export function compareServices(before: Service, after: Service, isWantedLabel: NameFilter) {
  const difference = {
    settings: transitions(settingsOf(before), settingsOf(after)),
    selector: labelTransitions(before.selector, after.selector, isWantedLabel),
    ports: membership(before.ports.map(describePort), after.ports.map(describePort)),
  }
  const fields = changedFields(difference)
  return fields.length === 0 ? undefined : { fields, ...difference }
}

function settingsOf({ type, externalName }: Service) {
  return { type, external_name: externalName }
}

/** Compares the parts of an Ingress that its author sets; `undefined` if nothing differs. */
export function compareIngresses(before: Ingress, after: Ingress) {
  if (after.generation !== undefined && before.generation === after.generation) return undefined
  const difference = compareIngressParts(before, after)
  if (difference.fields.length > 0) return difference
  // A part that is not cached, such as its certificates.
  return after.generation === undefined ? undefined : { ...difference, fields: ['other'] }
}

/** Compares the cached parts of two Ingresses; `fields` is empty if none differs. */
export function compareIngressParts(before: Ingress, after: Ingress) {
  const difference = {
    settings: transitions({ class: before.className }, { class: after.className }),
    hosts: membership(before.hosts, after.hosts),
    routes: membership([...before.routes, ...before.services], [...after.routes, ...after.services]),
  }
  return { fields: changedFields(difference), ...difference }
}

/** `http 80/TCP → 8080, node 30080` */
function describePort({ name, protocol, port, target, nodePort }: ServicePort): string {
  const beginning = name === undefined ? '' : `${name} `
  const end = nodePort === undefined ? '' : `, node ${nodePort}`
  return `${beginning}${port ?? '?'}/${protocol} → ${target ?? port ?? '?'}${end}`
}
