import type { Node, Taint } from '../kinds/node/node.ts'
import { type Membership, membership, transitions } from './differences.ts'

/** What differs between a node and itself as it was before. */
export interface NodeDifference {
  /** `versions`, `taints`, `allocatable`, `addresses` */
  readonly fields: readonly string[]
  /** `kubelet: v1.30.1 → v1.31.0` */
  readonly versions: readonly string[]
  /** `dedicated=shop:NoSchedule` */
  readonly taints: Membership
  /** `memory: 16 → 8` */
  readonly allocatable: readonly string[]
  /** `InternalIP: 10.0.0.1 → 10.0.0.2` */
  readonly addresses: readonly string[]
}

/** What a node is made of, without its conditions and whether it is cordoned; `undefined` where nothing differs. */
export function compareNodes(before: Node, after: Node): NodeDifference | undefined {
  const versions = transitions(versionsOf(before), versionsOf(after))
  const taints = membership(taintsOf(before), taintsOf(after))
  const allocatable = transitions(before.allocatable, after.allocatable)
  const addresses = transitions(addressesOf(before), addressesOf(after))
  const differs: Readonly<Record<string, boolean>> = {
    versions: versions.length > 0,
    taints: taints.added.length + taints.removed.length > 0,
    allocatable: allocatable.length > 0,
    addresses: addresses.length > 0,
  }
  const fields = Object.keys(differs).filter((name) => differs[name])
  return fields.length === 0 ? undefined : { fields, versions, taints, allocatable, addresses }
}

function addressesOf({ addresses }: Node) {
  return Object.fromEntries(Object.entries(addresses).map(([type, all]) => [type, all.join(', ')]))
}

function versionsOf({ kubeletVersion, runtimeVersion, kernelVersion, osImage }: Node) {
  return { kubelet: kubeletVersion, runtime: runtimeVersion, kernel: kernelVersion, os: osImage }
}

/** What clouds and the autoscaler note for themselves: that a node is new, and that it has so little to do that it may go some day. */
const NOTES = new Set(['node.cloudprovider.kubernetes.io/uninitialized', 'DeletionCandidateOfClusterAutoscaler'])

/** Those under `node.kubernetes.io` say once more what the conditions say. */
function taintsOf({ taints }: Node): readonly string[] {
  return taints.filter(({ key }) => !key.startsWith('node.kubernetes.io/') && !NOTES.has(key)).map(describeTaint)
}

function describeTaint({ key, value, effect }: Taint): string {
  return `${key}${value === undefined ? '' : `=${value}`}:${effect}`
}
