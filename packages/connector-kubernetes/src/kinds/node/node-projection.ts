import { type Fields, fields, flag, list, partsOf, text } from '../fields.ts'
import { type Condition, conditionsOf, type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'
import { type Quantities, quantities } from '../quantity.ts'

export interface Taint {
  readonly key: string
  readonly value: string | undefined
  readonly effect: string
  readonly since: string | undefined
}

/** The part of a node that is kept: not the list of images, which is most of it. */
export interface Node extends Metadata {
  /** Name of the machine at the cloud provider. */
  readonly providerId: string | undefined
  /** Cordoned: no new pods are scheduled. */
  readonly isUnschedulable: boolean
  readonly taints: readonly Taint[]
  readonly conditions: readonly Condition[]
  /** When the kubelet last reported its status. */
  readonly lastHeartbeat: string | undefined
  readonly capacity: Quantities
  readonly allocatable: Quantities
  /** By type: `InternalIP`, `Hostname`, … With one address per IP family. */
  readonly addresses: Readonly<Record<string, readonly string[]>>
  readonly kubeletVersion: string | undefined
  readonly runtimeVersion: string | undefined
  readonly kernelVersion: string | undefined
  readonly osImage: string | undefined
  readonly operatingSystem: string | undefined
  readonly architecture: string | undefined
  readonly machineId: string | undefined
  readonly bootId: string | undefined
  readonly managers: readonly Manager[]
}

export function projectNode(raw: unknown): Node {
  const { spec, status } = partsOf(raw)
  const info = fields(status.nodeInfo)
  return {
    ...metadataOf(raw),
    providerId: text(spec.providerID),
    isUnschedulable: flag(spec.unschedulable) ?? false,
    taints: list(spec.taints).map(taintOf),
    conditions: conditionsOf(status),
    lastHeartbeat: text(list(status.conditions).find(({ type }) => type === 'Ready')?.lastHeartbeatTime),
    capacity: quantities(status.capacity),
    allocatable: quantities(status.allocatable),
    addresses: addressesOf(list(status.addresses)),
    kubeletVersion: text(info.kubeletVersion),
    runtimeVersion: text(info.containerRuntimeVersion),
    kernelVersion: text(info.kernelVersion),
    osImage: text(info.osImage),
    operatingSystem: text(info.operatingSystem),
    architecture: text(info.architecture),
    machineId: text(info.machineID),
    bootId: text(info.bootID),
    managers: managersOf(raw),
  }
}

function addressesOf(all: readonly Fields[]): Node['addresses'] {
  const byType: Record<string, string[]> = {}
  for (const { type, address } of all) {
    const name = text(type) ?? ''
    byType[name] = [...(byType[name] ?? []), text(address) ?? '']
  }
  return byType
}

function taintOf({ key, value, effect, timeAdded }: Fields): Taint {
  return { key: text(key) ?? '', value: text(value), effect: text(effect) ?? '', since: text(timeAdded) }
}
