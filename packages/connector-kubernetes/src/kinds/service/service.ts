import { type Fields, fields, flag, list, number, present, record, text, texts } from '../fields.ts'
import { type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'

export interface ServicePort {
  readonly name: string | undefined
  readonly protocol: string
  readonly port: number | undefined
  /** Number or name of the port of its pods. */
  readonly target: string | undefined
  /** Port of every node. */
  readonly nodePort: number | undefined
}

export interface Service extends Metadata {
  /** `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`. */
  readonly type: string | undefined
  readonly clusterIp: string | undefined
  readonly externalName: string | undefined
  /** Labels of its pods; empty where somebody else says what is behind it. */
  readonly selector: Readonly<Record<string, string>>
  readonly ports: readonly ServicePort[]
  /** Addresses of its load balancer. */
  readonly addresses: readonly string[]
  readonly managers: readonly Manager[]
}

/** @throws Error when it has no name or uid. */
export function projectService(raw: unknown): Service {
  const spec = fields(fields(raw).spec)
  return {
    ...metadataOf(raw),
    type: text(spec.type),
    clusterIp: text(spec.clusterIP),
    externalName: text(spec.externalName),
    selector: record(spec.selector),
    ports: list(spec.ports).map(({ name, protocol, port, targetPort, nodePort }) => ({
      name: text(name),
      protocol: text(protocol) ?? 'TCP',
      port: number(port),
      target: number(targetPort)?.toString() ?? text(targetPort),
      nodePort: number(nodePort),
    })),
    addresses: loadBalancerAddresses(raw),
    managers: managersOf(raw),
  }
}

/** What is behind a Service, as far as one slice tells. */
export interface EndpointSlice extends Metadata {
  readonly service: string | undefined
  readonly endpoints: readonly Endpoint[]
}

export interface Endpoint {
  readonly addresses: readonly string[]
  readonly isReady: boolean
  readonly node: string | undefined
  /** The pod, where it is one. */
  readonly pod: { readonly name: string; readonly uid: string | undefined } | undefined
}

/** @throws Error when it has no name or uid. */
export function projectEndpointSlice(raw: unknown): EndpointSlice {
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    service: metadata.labels['kubernetes.io/service-name'],
    endpoints: list(fields(raw).endpoints).map(({ addresses, conditions, nodeName, topology, targetRef }) => ({
      addresses: texts(addresses),
      // What is not known counts as ready, says the API.
      isReady: flag(fields(conditions).ready) ?? true,
      // v1beta1 has it in its topology.
      node: text(nodeName) ?? text(fields(topology)['kubernetes.io/hostname']),
      pod: podOf(fields(targetRef)),
    })),
  }
}

function podOf({ kind, name, uid }: Fields): Endpoint['pod'] {
  const known = text(name)
  return kind === 'Pod' && known !== undefined ? { name: known, uid: text(uid) } : undefined
}

export interface Ingress extends Metadata {
  readonly generation: number | undefined
  readonly className: string | undefined
  readonly hosts: readonly string[]
  /** Names of the Services that it leads to. */
  readonly services: readonly string[]
  /** `shop.example.test/api → web:80` */
  readonly routes: readonly string[]
  readonly addresses: readonly string[]
  readonly managers: readonly Manager[]
}

/** @throws Error when it has no name or uid. */
export function projectIngress(raw: unknown): Ingress {
  const spec = fields(fields(raw).spec)
  const rules = list(spec.rules)
  const paths = rules.flatMap(({ http }) => list(fields(http).paths))
  const backends = [spec.defaultBackend ?? spec.backend, ...paths.map(({ backend }) => backend)].map(fields)
  return {
    ...metadataOf(raw),
    generation: number(fields(fields(raw).metadata).generation),
    className: text(spec.ingressClassName),
    hosts: present(rules.map(({ host }) => text(host))),
    // v1beta1 has `serviceName`, v1 an object.
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

function serviceOf({ service, serviceName }: Fields): string | undefined {
  return text(fields(service).name) ?? text(serviceName)
}

/** `web:80`, `web:http`; without a name where it is no Service. */
function backendOf(backend: Fields): string {
  const { number: port, name } = fields(fields(backend.service).port)
  return `${serviceOf(backend) ?? ''}:${String(port ?? name ?? backend.servicePort ?? '')}`
}

function loadBalancerAddresses(raw: unknown): readonly string[] {
  const { loadBalancer } = fields(fields(raw).status)
  return present(list(fields(loadBalancer).ingress).map(({ ip, hostname }) => text(ip) ?? text(hostname)))
}
