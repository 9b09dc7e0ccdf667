import type { Node, Taint } from '../kinds/node/node-projection.ts'
import { type Membership, membership, transitions } from './differences.ts'

/** Differences between two versions of a node. */
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

/** Compares two versions of a node except their conditions and cordon; `undefined` if nothing differs. */
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

/** Taints by which clouds mark new nodes, and the autoscaler marks candidates for deletion. */
const INTERNAL_TAINTS = new Set([
  'node.cloudprovider.kubernetes.io/uninitialized',
  'DeletionCandidateOfClusterAutoscaler',
])

/** Taints of authors. Those under `node.kubernetes.io` repeat the conditions. */
function taintsOf({ taints }: Node): readonly string[] {
  return taints
    .filter(({ key }) => !key.startsWith('node.kubernetes.io/') && !INTERNAL_TAINTS.has(key))
    .map(describeTaint)
}

function describeTaint({ key, value, effect }: Taint): string {
  return `${key}${value === undefined ? '' : `=${value}`}:${effect}`
}
