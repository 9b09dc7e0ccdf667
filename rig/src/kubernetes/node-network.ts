import { readFileSync } from 'node:fs'
import { run } from '../run.ts'

/** Addresses that are set aside for tests (RFC 2544), so that they are nobody's. */
const LINK = '198.18'
const PODS = '198.19'

/** How many clusters a machine may have. */
const LARGEST_NUMBER = 250

/** A network namespace that has a cable to this machine, and what is in it. */
export interface NodeNetwork {
  readonly number: number
  /** This machine, seen from the node and from pods. */
  readonly hostAddress: string
  readonly nodeAddress: string
  /** The bridge of the pods. */
  readonly podGateway: string
  readonly podRange: string
  /** What a command is started with to be in it, and to see what is mounted there. */
  readonly prefix: readonly string[]
}

/** The lowest number that no cluster of this machine has. */
export function freeNumber(): number {
  for (let number = 1; number <= LARGEST_NUMBER; number++) if (!isThere(linkName(number))) return number
  throw new Error('This machine has no addresses left for one more cluster')
}

/** The network of a cluster in the network namespace of a process. */
export function nodeNetwork(number: number, pid: number): NodeNetwork {
  return {
    number,
    hostAddress: `${LINK}.${number}.1`,
    nodeAddress: `${LINK}.${number}.2`,
    podGateway: `${PODS}.${number}.1`,
    podRange: `${PODS}.${number}.0/24`,
    prefix: ['nsenter', `--net=/proc/${pid}/ns/net`, `--mount=/proc/${pid}/ns/mnt`],
  }
}

/** Lays the cable between this machine and the node: each reaches the other, this machine reaches the pods, and nothing reaches further. */
export async function connectNode(network: NodeNetwork, pid: number): Promise<void> {
  const { number, hostAddress, nodeAddress, podRange, prefix } = network
  const link = linkName(number)
  const ip = (...words: string[]): Promise<string> => run('ip', words)
  const inside = (...words: string[]): Promise<string> => run(prefix[0] ?? '', [...prefix.slice(1), ...words])
  await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'node', 'netns', String(pid))
  await ip('address', 'add', `${hostAddress}/24`, 'dev', link)
  await ip('link', 'set', link, 'up')
  await ip('route', 'add', podRange, 'via', nodeAddress)
  await inside('ip', 'address', 'add', `${nodeAddress}/24`, 'dev', 'node')
  await inside('ip', 'link', 'set', 'node', 'up')
  // The engine lets only its own containers forward.
  await inside('iptables', '--wait', '--policy', 'FORWARD', 'ACCEPT')
  await inside('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.bridge.bridge-nf-call-iptables=1')
}

/** Takes the cable away, and with it the routes. */
export async function disconnectNode(number: number): Promise<void> {
  const link = linkName(number)
  if (isThere(link)) await run('ip', ['link', 'delete', link]).catch(() => undefined)
}

function isThere(link: string): boolean {
  return readFileSync('/proc/net/dev', 'utf8').includes(`${link}:`)
}

function linkName(number: number): string {
  return `rca-node${number}`
}
