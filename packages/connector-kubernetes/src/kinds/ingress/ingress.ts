import { entity } from '@rca/core/connector'
import { commonAttributes, namespaced, namespaceRelation, ownedByNamespace } from '../common-signals.ts'
import { type Fields, fields, list, number, partsOf, present, text } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { loadBalancerAddresses, type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'
import { namedId, namedReference } from '../references.ts'

export interface Ingress extends Metadata {
  readonly generation: number | undefined
  readonly className: string | undefined
  readonly hosts: readonly string[]
  /** Names of the backend Services. */
  readonly services: readonly string[]
  /** `shop.example.test/api → web:80` */
  readonly routes: readonly string[]
  readonly addresses: readonly string[]
  readonly managers: readonly Manager[]
}

export function projectIngress(raw: unknown): Ingress {
  const { metadata, spec } = partsOf(raw)
  const rules = list(spec.rules)
  const paths = rules.flatMap(({ http }) => list(fields(http).paths))
  const backends = [spec.defaultBackend ?? spec.backend, ...paths.map(({ backend }) => backend)].map(fields)
  return {
    ...metadataOf(raw),
    generation: number(metadata.generation),
    className: text(spec.ingressClassName),
    hosts: present(rules.map(({ host }) => text(host))),
    services: present(backends.map(serviceOf)),
    routes: rules.flatMap(({ host, http }) =>
      list(fields(http).paths).map(
        ({ path, backend }) => `${text(host) ?? '*'}${text(path) ?? '/'} → ${backendOf(fields(backend))}`,
      ),
    ),
    addresses: loadBalancerAddresses(raw),
    managers: managersOf(raw),
  }
}

/** v1beta1 has `serviceName`, v1 an object. */
function serviceOf({ service, serviceName }: Fields): string | undefined {
  return text(fields(service).name) ?? text(serviceName)
}

/** Returns `web:80` or `web:http`, without a name for a backend other than a Service. */
function backendOf(backend: Fields): string {
  const { number: port, name } = fields(fields(backend.service).port)
  return `${serviceOf(backend) ?? ''}:${String(port ?? name ?? backend.servicePort ?? '')}`
}

export const ingressSignals = {
  ingress: entity({
    type: 'k8s.ingress',
    description: 'An Ingress.',
    attributes: {
      ...namespaced('ingress'),
      'k8s.ingress.class': 'Ingress class.',
      'k8s.ingress.hosts': 'Hosts of the rules.',
      'k8s.ingress.addresses': 'Load balancer addresses.',
    },
    relations: { ...ownedByNamespace, routes_to: 'Backend Services.' },
  }),
}

export const ingresses = kindCollector('ingresses', {
  type: ingressSignals.ingress.type,
  interval: '60s',
  entity: (ingress: Ingress, allowsLabel) =>
    ingressSignals.ingress.entity({
      id: namedId(ingress),
      name: ingress.name,
      attributes: {
        ...commonAttributes('ingress', ingress, allowsLabel),
        'k8s.ingress.class': ingress.className,
        'k8s.ingress.hosts': ingress.hosts,
        'k8s.ingress.addresses': ingress.addresses,
      },
      relations: [
        namespaceRelation(ingress.namespace),
        ...ingress.services.map((name) => ({
          type: 'routes_to' as const,
          target: namedReference('Service', { namespace: ingress.namespace, name }),
        })),
      ],
    }),
})
