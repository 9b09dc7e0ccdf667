import { type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { ListeningPort, ServerClient } from '../client/server-client.ts'
import { processAttributes } from '../entities.ts'

const portAttributes = {
  'network.local.port': 'The TCP port.',
  'network.local.addresses': 'Addresses on which the program listened, or listens again.',
  'network.transport': '`tcp`.',
  'server.port.user.id': 'User id of the program.',
  ...processAttributes,
}

export const portSignals = {
  hostPortClosed: event({
    name: 'host.port_closed',
    severity: 'warning',
    description:
      'No program listens anymore on a TCP port on which one had listened for at least 30 seconds. The process is named where the agent may see its files, as root.',
    attributes: portAttributes,
  }),
  hostPortOpened: event({
    name: 'host.port_opened',
    severity: 'info',
    description: 'A program listens again on a TCP port that was reported as closed.',
    attributes: { ...portAttributes, 'server.port.closed_since': 'When it was reported as closed. ISO 8601, UTC.' },
  }),
}

const portSchema = z.object({
  looks: z.number(),
  addresses: z.array(z.string()),
  userId: z.number(),
  pid: z.number().optional(),
  name: z.string().optional(),
  closedSince: z.iso.datetime().optional(),
})
const cursorSchema = z.record(z.string(), portSchema)
type Ports = z.output<typeof cursorSchema>
type Port = z.output<typeof portSchema>

/** Number of looks, ten seconds apart, at which a port must have been open to be reported as closed. */
const MIN_LOOKS = 3

/** A port that stays closed for this long is forgotten. */
const MAX_CLOSED_MS = 24 * 3_600_000

/** Reports TCP ports on which no program listens anymore, also after a reboot, and on which one listens again. */
export const listeningPorts: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    let known: Ports | undefined = cursor.before
    for (;;) {
      const before = known
      // A port that has just opened is mostly closed soon.
      const open = await client.listeningPorts((port) => before === undefined || before[port] !== undefined)
      if (open === undefined) return
      const now = context.now()
      const next: Ports = {}
      const events: Event[] = []
      for (const port of open) {
        const earlier = before?.[port.port]
        // Ports that are open when the agent comes may be so for long.
        const looks = before === undefined ? MIN_LOOKS : Math.min(MIN_LOOKS, (earlier?.looks ?? 0) + 1)
        next[port.port] = toPort(port, looks)
        if (earlier?.closedSince !== undefined) events.push(toOpened(client, port, earlier.closedSince, now))
      }
      for (const [number, port] of Object.entries(before ?? {})) {
        if (next[number] !== undefined || port.looks < MIN_LOOKS) continue
        const closedSince = port.closedSince ?? now.toISOString()
        if (now.getTime() - Date.parse(closedSince) < MAX_CLOSED_MS) next[number] = { ...port, closedSince }
        if (port.closedSince === undefined) events.push(toClosed(client, Number(number), port, now))
      }
      if (events.length > 0) context.emit({ events })
      known = next
      await cursor.save(next)
      await context.sleep('10s')
    }
  },
}

function toPort({ addresses, userId, process }: ListeningPort, looks: number): Port {
  return {
    looks,
    addresses: [...addresses],
    userId,
    ...(process === undefined ? {} : { pid: process.pid, name: process.name }),
  }
}

function toClosed(client: ServerClient, number: number, port: Port, at: Date): Event {
  const process = port.name === undefined ? '' : ` (it was ${port.name}, pid ${port.pid})`
  return portSignals.hostPortClosed.event({
    at,
    entity: client.machine.entity,
    body: `No program of ${client.machine.hostname} listens on TCP port ${number} anymore${process}`,
    attributes: attributesOf(number, port),
  })
}

function toOpened(client: ServerClient, reading: ListeningPort, closedSince: string, at: Date): Event {
  const { port: number, process } = reading
  const seconds = Math.round((at.getTime() - Date.parse(closedSince)) / 1000)
  const name = process === undefined ? 'A program' : `${process.name} (pid ${process.pid})`
  return portSignals.hostPortOpened.event({
    at,
    entity: client.machine.entity,
    body: `${name} listens on TCP port ${number} of ${client.machine.hostname} again after ${seconds} s`,
    attributes: { ...attributesOf(number, toPort(reading, 0)), 'server.port.closed_since': closedSince },
  })
}

function attributesOf(number: number, { addresses, userId, pid, name }: Port) {
  return {
    'network.local.port': number,
    'network.local.addresses': addresses,
    'network.transport': 'tcp',
    'server.port.user.id': String(userId),
    'process.pid': pid,
    'process.executable.name': name,
  }
}
