import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { inTimeSlices } from '@rca/core/connector'
import type { ListeningPort, ProcessName } from '../server-client.ts'
import { isMissingFile, type RootReader } from './root-reader.ts'

/** State of a listening socket. include/net/tcp_states.h */
const TCP_LISTEN = '0A'

/** Maximum size of a read: a table has one line of 150 bytes for each socket. */
const MAX_READ_BYTES = 16_384

/** Calls of the reader after which it reads the tables, even if the number of sockets is the same. */
const MAX_SKIPPED_CALLS = 2

interface Socket {
  readonly port: number
  readonly address: string
  readonly userId: number
  readonly inode: string
}

/**
 * Creates a reader of the TCP ports on which programs listen. It looks for the owner of each socket once. While the
 * number of sockets stays the same, it reads the tables at every third call only: for the end of a table, the kernel
 * searches all connections of all namespaces, which takes milliseconds.
 */
export function createPortReader(
  reader: RootReader,
  networkDirectory: string,
): () => Promise<readonly ListeningPort[]> {
  const buffer = Buffer.allocUnsafeSlow(MAX_READ_BYTES)
  let owners = new Map<string, ProcessName | undefined>()
  let last: { readonly ports: readonly ListeningPort[]; readonly counts: string } | undefined
  let skipped = 0
  return async () => {
    // Before the tables: a change meanwhile is seen by the next call.
    const counts = readSocketCounts(reader, networkDirectory)
    if (last !== undefined && counts !== '' && counts === last.counts && skipped < MAX_SKIPPED_CALLS) {
      skipped += 1
      return last.ports
    }
    skipped = 0
    const sockets = ['tcp', 'tcp6'].flatMap((table) =>
      readListeningSockets(reader.resolve(`${networkDirectory}/${table}`), buffer),
    )
    const isNew = sockets.some(({ inode }) => !owners.has(inode))
    const found = isNew ? await findOwners(reader, new Set(sockets.map(({ inode }) => inode))) : owners
    owners = new Map(sockets.map(({ inode }) => [inode, found.get(inode) ?? owners.get(inode)]))
    const ports = new Map<number, ListeningPort>()
    for (const { port, address, userId, inode } of sockets) {
      const known = ports.get(port)
      const process = known?.process ?? owners.get(inode)
      ports.set(port, { port, addresses: [...(known?.addresses ?? []), address], userId, process })
    }
    last = { ports: [...ports.values()], counts }
    return last.ports
  }
}

/** Returns the kernel's counts of TCP sockets, which cost little to read, or an empty text if it has none. */
function readSocketCounts(reader: RootReader, networkDirectory: string): string {
  const text = ['sockstat', 'sockstat6']
    .map((file) => reader.optionalText(`${networkDirectory}/${file}`) ?? '')
    .join('')
  return [...text.matchAll(/^TCP6?: inuse \d+/gm)].join()
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

/** Returns the processes that hold sockets, as far as this user may see their files. */
async function findOwners(reader: RootReader, inodes: ReadonlySet<string>): Promise<Map<string, ProcessName>> {
  const owners = new Map<string, ProcessName>()
  const pids = readdirSync(reader.resolve('proc')).filter((name) => /^\d+$/.test(name))
  for await (const slice of inTimeSlices(pids)) {
    for (const pid of slice) {
      for (const inode of socketsOf(reader, pid)) {
        if (!inodes.has(inode) || owners.has(inode)) continue
        const name = attempt(() => reader.text(`proc/${pid}/comm`).trim())
        if (name !== undefined) owners.set(inode, { pid: Number(pid), name })
      }
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
