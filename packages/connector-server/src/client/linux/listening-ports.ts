import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { inTimeSlices } from '@rca/core/connector'
import type { ListeningPort, ProcessName } from '../server-client.ts'
import { isMissingFile, type RootReader } from './root-reader.ts'

/** State of a listening socket. include/net/tcp_states.h */
const TCP_LISTEN = '0A'

/** Calls of the reader after which it reads the tables, even if the number of sockets is the same. */
const MAX_SKIPPED_CALLS = 2

interface Socket {
  readonly port: number
  readonly address: string
  readonly userId: number
  readonly inode: string
}

/** Bytes of a line in a table of TCP over IPv4. Those of IPv6 are about as long. */
const LINE_BYTES = 150

/** Maximum size of a read, in lines. */
const MAX_LINES = 100

/** Returns the TCP ports on which programs listen, and the processes of the ports for which `needsProcess` is true. */
export type PortReader = (needsProcess?: (port: number) => boolean) => Promise<readonly ListeningPort[]>

/** Creates a reader of the TCP ports on which programs listen. It looks for the process of each socket once. */
export function createPortReader(reader: RootReader, networkDirectory: string): PortReader {
  const tables = [
    createTableReader(reader, networkDirectory, 'tcp', 'sockstat'),
    createTableReader(reader, networkDirectory, 'tcp6', 'sockstat6'),
  ]
  let owners = new Map<string, ProcessName | undefined>()
  return async (needsProcess = () => true) => {
    const sockets = tables.flatMap((readTable) => readTable())
    const wanted = sockets.filter(({ inode, port }) => !owners.has(inode) && needsProcess(port))
    const found = await findOwners(reader, new Set(wanted.map(({ inode }) => inode)))
    const searched = sockets.filter((socket) => owners.has(socket.inode) || wanted.includes(socket))
    owners = new Map(searched.map(({ inode }) => [inode, found.get(inode) ?? owners.get(inode)]))
    const ports = new Map<number, ListeningPort>()
    for (const { port, address, userId, inode } of sockets) {
      const known = ports.get(port)
      const process = known?.process ?? owners.get(inode)
      ports.set(port, { port, addresses: [...(known?.addresses ?? []), address], userId, process })
    }
    return [...ports.values()]
  }
}

/**
 * Creates a reader of the listening sockets of a table. While the kernel's count of its sockets stays the same, it
 * reads the table at every third call only: for the end of a table, the kernel searches all connections of all
 * namespaces, which takes milliseconds.
 */
function createTableReader(
  reader: RootReader,
  networkDirectory: string,
  table: 'tcp' | 'tcp6',
  countFile: string,
): () => readonly Socket[] {
  const buffer = Buffer.allocUnsafeSlow(MAX_LINES * LINE_BYTES)
  let last: { readonly sockets: readonly Socket[]; readonly count: string | undefined } | undefined
  let skipped = 0
  return () => {
    // Before the table: a change meanwhile is seen by the next call.
    const [, count] = /^TCP6?: inuse (\d+)/m.exec(reader.optionalText(`${networkDirectory}/${countFile}`) ?? '') ?? []
    if (last !== undefined && count !== undefined && count === last.count && skipped < MAX_SKIPPED_CALLS) {
      skipped += 1
      return last.sockets
    }
    skipped = 0
    // The heading, the known sockets and the line after them: the kernel does not search for more connections.
    const lines = Math.min(MAX_LINES, (last?.sockets.length ?? 0) + 2)
    const sockets = readListeningSockets(
      reader.resolve(`${networkDirectory}/${table}`),
      buffer.subarray(0, lines * LINE_BYTES),
    )
    last = { sockets, count }
    return sockets
  }
}

/** Reads the listening sockets, which are the first lines of a table: thousands of connections may follow. */
function readListeningSockets(path: string, buffer: Buffer): Socket[] {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (error) {
    // A kernel without IPv6.
    if (isMissingFile(error)) return []
    throw error
  }
  let text = ''
  try {
    for (;;) {
      const count = readSync(descriptor, buffer, 0, buffer.length, null)
      text += buffer.toString('latin1', 0, count)
      const { sockets, isComplete } = parseListeningSockets(text)
      if (count === 0 || isComplete) return sockets
    }
  } finally {
    closeSync(descriptor)
  }
}

/** Parses `/proc/net/tcp` or `/proc/net/tcp6`. proc_pid_net(5) */
export function parseListeningSockets(text: string): { readonly sockets: Socket[]; readonly isComplete: boolean } {
  const sockets: Socket[] = []
  const lines = text.split('\n')
  // The last line may be cut.
  for (const line of lines.slice(1, -1)) {
    const [, local = '', , state, , , , userId = '', , inode = ''] = line.trim().split(/\s+/)
    if (state !== TCP_LISTEN) return { sockets, isComplete: true }
    const [address = '', port = ''] = local.split(':')
    sockets.push({ port: Number.parseInt(port, 16), address: formatAddress(address), userId: Number(userId), inode })
  }
  return { sockets, isComplete: false }
}

/** Formats words of 32 bits in hexadecimal digits, each with its lowest byte first. */
function formatAddress(digits: string): string {
  const bytes = [...digits.matchAll(/.{8}/g)].flatMap(([word]) => [...Buffer.from(word, 'hex')].toReversed())
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  ).join(':')
  // The longest run of zeros, as RFC 5952 shortens it.
  const [longest = ''] = [...groups.matchAll(/(?:^|:)0(?::0)+(?::|$)/g)]
    .map(([run]) => run)
    .toSorted((one, other) => other.length - one.length)
  return longest === '' ? groups : groups.replace(longest, '::')
}

/**
 * Returns the processes that hold sockets, as far as this user may see their files. Begins with the newest processes,
 * which opened most new sockets, and ends when it has found all.
 */
async function findOwners(reader: RootReader, inodes: ReadonlySet<string>): Promise<Map<string, ProcessName>> {
  const owners = new Map<string, ProcessName>()
  if (inodes.size === 0) return owners
  const pids = readdirSync(reader.resolve('proc')).filter((name) => /^\d+$/.test(name))
  for await (const slice of inTimeSlices(pids.toReversed())) {
    for (const pid of slice) {
      for (const inode of socketsOf(reader, pid)) {
        if (!inodes.has(inode) || owners.has(inode)) continue
        const name = attempt(() => reader.text(`proc/${pid}/comm`).trim())
        if (name !== undefined) owners.set(inode, { pid: Number(pid), name })
      }
      if (owners.size === inodes.size) return owners
    }
  }
  return owners
}

function socketsOf(reader: RootReader, pid: string): string[] {
  const directory = reader.resolve(`proc/${pid}/fd`)
  const descriptors = attempt(() => readdirSync(directory)) ?? []
  return descriptors.flatMap((descriptor) => {
    const target = attempt(() => readlinkSync(`${directory}/${descriptor}`)) ?? ''
    return target.startsWith('socket:[') ? [target.slice(8, -1)] : []
  })
}

function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
