import { list, number, partsOf, record, text } from '../fields.ts'
import { loadBalancerAddresses, type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'

export interface ServicePort {
  readonly name: string | undefined
  readonly protocol: string
  readonly port: number | undefined
  /** Number or name of the pods' port. */
  readonly target: string | undefined
  /** Port on every node. */
  readonly nodePort: number | undefined
}

export interface Service extends Metadata {
  /** `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`. */
  readonly type: string | undefined
  readonly clusterIp: string | undefined
  readonly externalName: string | undefined
  /** Labels of the pods; empty for a Service whose endpoints are managed by hand. */
  readonly selector: Readonly<Record<string, string>>
  readonly ports: readonly ServicePort[]
  /** Load balancer addresses. */
  readonly addresses: readonly string[]
  readonly managers: readonly Manager[]
}

export function projectService(raw: unknown): Service {
  const { spec } = partsOf(raw)
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
