import type { Ingress } from '../kinds/ingress/ingress.ts'
import type { Service, ServicePort } from '../kinds/service/service-projection.ts'
import { labelTransitions, type Membership, membership, transitions } from './differences.ts'

/** Differences between two versions of a Service. */
export interface ServiceDifference {
  readonly fields: readonly string[]
  /** `type: ClusterIP → LoadBalancer` */
  readonly settings: readonly string[]
  /** `app: web → shop` */
  readonly selector: readonly string[]
  /** `http 80/TCP → 8080` */
  readonly ports: Membership
}

/** Compares the parts of a Service that its author sets; `undefined` if nothing differs. */
export function compareServices(
  before: Service,
  after: Service,
  isWantedLabel: (name: string) => boolean,
): ServiceDifference | undefined {
  const settings = transitions(
    { type: before.type, external_name: before.externalName },
    { type: after.type, external_name: after.externalName },
  )
  const selector = labelTransitions(before.selector, after.selector, isWantedLabel)
  const ports = membership(before.ports.map(describePort), after.ports.map(describePort))
  const differs: Readonly<Record<string, boolean>> = {
    settings: settings.length > 0,
    selector: selector.length > 0,
    ports: ports.added.length + ports.removed.length > 0,
  }
  const fields = Object.keys(differs).filter((name) => differs[name])
  return fields.length === 0 ? undefined : { fields, settings, selector, ports }
}

/** Differences between two versions of an Ingress. */
export interface IngressDifference {
  readonly fields: readonly string[]
  /** `class: nginx → traefik` */
  readonly settings: readonly string[]
  readonly hosts: Membership
  /** `shop.example.test/api → web:80` */
  readonly routes: Membership
}

/** Compares the parts of an Ingress that its author sets; `undefined` if nothing differs. */
export function compareIngresses(before: Ingress, after: Ingress): IngressDifference | undefined {
  if (after.generation !== undefined && before.generation === after.generation) return undefined
  const settings = transitions({ class: before.className }, { class: after.className })
  const hosts = membership(before.hosts, after.hosts)
  const routes = membership([...before.routes, ...before.services], [...after.routes, ...after.services])
  const differs: Readonly<Record<string, boolean>> = {
    settings: settings.length > 0,
    hosts: hosts.added.length + hosts.removed.length > 0,
    routes: routes.added.length + routes.removed.length > 0,
  }
  const fields = Object.keys(differs).filter((name) => differs[name])
  if (fields.length > 0) return { fields, settings, hosts, routes }
  // A part that is not cached, such as its certificates.
  return after.generation === undefined ? undefined : { fields: ['other'], settings, hosts, routes }
}

/** `http 80/TCP → 8080, node 30080` */
function describePort({ name, protocol, port, target, nodePort }: ServicePort): string {
  const beginning = name === undefined ? '' : `${name} `
  const end = nodePort === undefined ? '' : `, node ${nodePort}`
  return `${beginning}${port ?? '?'}/${protocol} → ${target ?? port ?? '?'}${end}`
}
