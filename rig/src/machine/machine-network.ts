import { readFileSync } from 'node:fs'
import { run, succeeds } from '../run.ts'

/** Networks of four addresses each, in a range that is reserved for tests (RFC 2544). */
const PREFIX = '198.18.0'
const TAP_PREFIX = '198.18.255'

const MAX_MACHINES = 64

/** Connection between a machine and this host: each reaches the other, and the machine reaches nothing else. */
export interface MachineNetwork {
  readonly hostAddress: string
  readonly address: string
  /** Name of the host's end. */
  readonly link: string
  /** Number of the host's end. The kernel gives it to no later link, which may have the same name. */
  readonly index: number
}

/** Creates the link of a machine, with both ends on this host. */
export async function createLink(): Promise<MachineNetwork> {
  return create('rca-machine', PREFIX, (link) => ['link', 'add', link, 'type', 'veth', 'peer', 'name', peerOf(link)])
}

/** Creates the link of a virtual machine, whose other end is the program that opens it. */
export async function createTap(): Promise<MachineNetwork> {
  return create('rca-vm', TAP_PREFIX, (link) => ['tuntap', 'add', link, 'mode', 'tap'])
}

async function create(
  name: string,
  prefix: string,
  createWords: (link: string) => readonly string[],
): Promise<MachineNetwork> {
  for (let number = 0; number < MAX_MACHINES; number++) {
    const link = `${name}${number}`
    // Only one process can create a link of this name.
    if (!(await succeeds('ip', createWords(link)))) continue
    const index = Number(readFileSync(`/sys/class/net/${link}/ifindex`, 'utf8'))
    const [hostAddress, address] = [1, 2].map((host) => `${prefix}.${4 * number + host}`) as [string, string]
    await run('ip', ['address', 'add', `${hostAddress}/30`, 'dev', link])
    await run('ip', ['link', 'set', link, 'up'])
    return { hostAddress, address, link, index }
  }
  throw new Error(`No link could be created for a machine: this host has at most ${MAX_MACHINES}.`)
}

/** Moves the machine's end of its link into the network namespace of a process. */
export async function connectMachine({ address, link }: MachineNetwork, pid: number): Promise<void> {
  await run('ip', ['link', 'set', peerOf(link), 'netns', String(pid), 'name', 'eth0'])
  const inside = ['link set lo up', `address add ${address}/30 dev eth0`, 'link set eth0 up']
  await run('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', '-batch', '-'], { input: inside.join('\n') })
}

/** Removes the link, unless it ended with the machine's network namespace: its name may be another machine's by now. */
export async function removeLink({ index }: MachineNetwork): Promise<void> {
  await succeeds('ip', ['link', 'delete', 'dev', `if${index}`])
}

function peerOf(link: string): string {
  return `${link}p`
}
