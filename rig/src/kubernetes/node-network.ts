import { readFileSync } from 'node:fs'
import { run, succeeds } from '../run.ts'

/** Prefixes of addresses that are reserved for tests (RFC 2544). */
const LINK_PREFIX = '198.18'
const POD_PREFIX = '198.19'

const MAX_CLUSTERS = 250

/** Network namespace of a node, connected to this machine by a veth pair. */
export interface NodeNetwork {
  readonly number: number
  /** Address of this machine for the node and its pods. */
  readonly hostAddress: string
  readonly nodeAddress: string
  /** Address of the pods' bridge. */
  readonly podGateway: string
  readonly podRange: string
  /** Words before a command that runs it in the network and mount namespaces of the node. */
  readonly prefix: readonly string[]
}

/** Returns the lowest number that no cluster of this machine uses. */
export function freeNumber(): number {
  for (let number = 1; number <= MAX_CLUSTERS; number++) if (!linkExists(linkName(number))) return number
  throw new Error(`This machine already has ${MAX_CLUSTERS} clusters`)
}

/** Returns the network of a cluster in the namespaces of a process. */
export function nodeNetwork(number: number, pid: number): NodeNetwork {
  return {
    number,
    hostAddress: `${LINK_PREFIX}.${number}.1`,
    nodeAddress: `${LINK_PREFIX}.${number}.2`,
    podGateway: `${POD_PREFIX}.${number}.1`,
    podRange: `${POD_PREFIX}.${number}.0/24`,
    prefix: ['nsenter', `--net=/proc/${pid}/ns/net`, `--mount=/proc/${pid}/ns/mnt`],
  }
}

/**
 * Connects the node to this machine: each reaches the other, this machine the pods, and neither reaches further.
 *
 * @returns the number of this machine's end. The kernel gives it to no later link, which may have the same name
 */
export async function connectNode(network: NodeNetwork, pid: number): Promise<number> {
  const { number, hostAddress, nodeAddress, podRange, prefix } = network
  const link = linkName(number)
  const ip = (...args: string[]): Promise<string> => run('ip', args)
  const inside = (...args: string[]): Promise<string> => run(prefix[0] ?? '', [...prefix.slice(1), ...args])
  await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'node', 'netns', String(pid))
  const index = Number(readFileSync(`/sys/class/net/${link}/ifindex`, 'utf8'))
  await ip('address', 'add', `${hostAddress}/24`, 'dev', link)
  await ip('link', 'set', link, 'up')
  await ip('route', 'add', podRange, 'via', nodeAddress)
  await inside('ip', 'address', 'add', `${nodeAddress}/24`, 'dev', 'node')
  await inside('ip', 'link', 'set', 'node', 'up')
  // The engine forwards only packets of its own containers.
  await inside('iptables', '--wait', '--policy', 'FORWARD', 'ACCEPT')
  await inside('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.bridge.bridge-nf-call-iptables=1')
  return index
}

/** Removes the veth pair with its routes, unless it ended with the node's network namespace. */
export async function disconnectNode(index: number): Promise<void> {
  await succeeds('ip', ['link', 'delete', 'dev', `if${index}`])
}

function linkExists(link: string): boolean {
  return readFileSync('/proc/net/dev', 'utf8').includes(`${link}:`)
}

function linkName(number: number): string {
  return `rca-node${number}`
}
