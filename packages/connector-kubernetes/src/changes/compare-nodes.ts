import type { Node } from '../kinds/node/node-projection.ts'
import { quantityTexts } from '../kinds/quantity.ts'
import { changedFields, membership, transitions } from './differences.ts'

/** Compares two versions of a node except their conditions and cordon; `undefined` if nothing differs. */
export function compareNodes(before: Node, after: Node) {
  const difference = {
    versions: transitions(versionsOf(before), versionsOf(after)),
    taints: membership(taintsOf(before), taintsOf(after)),
    allocatable: transitions(quantityTexts(before.allocatable), quantityTexts(after.allocatable)),
    addresses: transitions(addressesOf(before), addressesOf(after)),
  }
  const fields = changedFields(difference)
  return fields.length === 0 ? undefined : { fields, ...difference }
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
  return taints.filter(({ key }) => !key.startsWith('node.kubernetes.io/') && !INTERNAL_TAINTS.has(key)).map(taintText)
}

/** `key=value:effect` */
export function taintText({ key, value, effect }: Node['taints'][number]): string {
  return `${key}${value === undefined ? '' : `=${value}`}:${effect}`
}
