import { createEventSampler, type Event, event, type Watcher } from '@rca/core/connector'
import type { ProcessCrash, ServerClient, ServiceProcess } from '../client/server-client.ts'
import { processAttributes } from '../entities.ts'

const endAttributes = {
  ...processAttributes,
  'server.process.uptime': 'Seconds for which the process ran.',
  'server.process.exit_signal': 'Number of the signal that ended the process, where the kernel logs it.',
  'server.process.end.count': 'Ends of processes with this name, since the first of a series.',
  'server.process.count': 'Number of processes, if one event is for several.',
  'server.process.names': 'Names of these processes, at most 100.',
}

export const serviceProcessSignals = {
  processEnded: event({
    name: 'process.ended',
    severity: 'info',
    description:
      'A process that ran for at least 30 seconds has ended: one without a terminal, outside of containers, and not a worker of another process with its name. A warning if it was a daemon outside of systemd that ran for ten minutes.',
    attributes: endAttributes,
  }),
  processCrashed: event({
    name: 'process.crashed',
    severity: 'error',
    description: 'Such a process was ended by a signal for a fault, such as SIGSEGV, by the log of the kernel.',
    attributes: endAttributes,
  }),
  processRestarted: event({
    name: 'process.restarted',
    severity: 'info',
    description: 'A process with the name of one that has ended was started within ten minutes.',
    attributes: {
      ...processAttributes,
      'server.process.previous_pid': 'Id of the process that has ended.',
      'server.process.downtime': 'Seconds between the end and the start, as far as they were seen.',
    },
  }),
}

/** Maximum number of events of ends at once. One event is for all others. */
const MAX_EVENTS = 20
const MAX_NAMES = 100

/** Time for which a start is reported as a restart. */
const MAX_DOWNTIME_MS = 600_000

/** Seconds after which the end of a daemon is a warning. */
const MIN_DAEMON_SECONDS = 600

interface Ended {
  readonly pid: number
  readonly at: Date
}

/**
 * Reports processes of services that end and start again, whatever starts them. It looks every ten seconds, so the
 * times are up to ten seconds late.
 */
export const serviceProcesses: Watcher<ServerClient> = {
  async watch(client, context) {
    const sampler = createEventSampler()
    const ended = new Map<string, Ended>()
    let known: ReadonlyMap<number, ServiceProcess> | undefined
    let lastList: readonly ServiceProcess[] | undefined
    for (;;) {
      const list = await client.serviceProcesses()
      if (list === undefined) return
      if (list === lastList) {
        await context.sleep('10s')
        continue
      }
      lastList = list
      const now = context.now()
      for (const [name, { at }] of ended) if (now.getTime() - at.getTime() > MAX_DOWNTIME_MS) ended.delete(name)
      const current = new Map(list.map((process) => [process.pid, process]))
      if (known !== undefined) {
        const before = known
        const isSame = (one: ServiceProcess, other: ServiceProcess | undefined): boolean =>
          one.startedAt === other?.startedAt
        const missing = [...before.values()].filter((process) => !isSame(process, current.get(process.pid)))
        const started = list.filter((process) => !isSame(process, before.get(process.pid)))
        const events = await toEnds(
          client,
          missing.filter(({ isSettled }) => isSettled),
          sampler,
          now,
        )
        for (const { name, pid, isSettled } of missing) if (isSettled) ended.set(name, { pid, at: now })
        for (const process of started) {
          const previous = ended.get(process.name)
          if (previous === undefined) continue
          ended.delete(process.name)
          events.push(toRestart(client, process, previous, now))
        }
        if (events.length > 0) context.emit({ events })
      }
      known = current
      await context.sleep('10s')
    }
  },
}

type Sampler = ReturnType<typeof createEventSampler>

async function toEnds(
  client: ServerClient,
  processes: readonly ServiceProcess[],
  sampler: Sampler,
  at: Date,
): Promise<Event[]> {
  if (processes.length === 0) return []
  const uptime = await client.uptime()
  const crashes = new Map((await client.processCrashes()).map((crash) => [crash.pid, crash]))
  const events = processes.flatMap(
    (process) => toEnd(client, process, uptime, crashes.get(process.pid), sampler, at) ?? [],
  )
  const rest = events.slice(MAX_EVENTS)
  if (rest.length === 0) return events
  const names = rest.map(({ attributes }) => String(attributes['process.executable.name']))
  const summary = serviceProcessSignals.processEnded.event({
    at,
    entity: client.machine.entity,
    body: `${rest.length} more processes have ended: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`,
    attributes: { 'server.process.count': rest.length, 'server.process.names': names.slice(0, MAX_NAMES) },
  })
  return [...events.slice(0, MAX_EVENTS), summary]
}

function toEnd(
  client: ServerClient,
  { pid, name, startedAt, isDaemon, isOfUnit }: ServiceProcess,
  uptime: number,
  crash: ProcessCrash | undefined,
  sampler: Sampler,
  at: Date,
): Event | undefined {
  const sample = sampler.sample(name, { at })
  if (sample === undefined) return undefined
  const seconds = Math.max(0, Math.round(uptime - startedAt))
  const times = sample.isMilestone ? `, for the ${sample.count}th time` : ''
  const signal = crash?.name === name ? crash.signal : undefined
  const occurrence = {
    at,
    entity: client.machine.entity,
    attributes: {
      'process.pid': pid,
      'process.executable.name': name,
      'server.process.uptime': seconds,
      'server.process.exit_signal': signal,
      'server.process.end.count': sample.count > 1 ? sample.count : undefined,
    },
  }
  if (signal !== undefined) {
    const body = `${name} (pid ${pid}) was ended by signal ${signal} after ${seconds} s${times}`
    // The failure of its unit is an event of its own.
    return serviceProcessSignals.processCrashed.event({ ...occurrence, severity: isOfUnit ? 'info' : undefined, body })
  }
  const isOutage = isDaemon && !isOfUnit && seconds >= MIN_DAEMON_SECONDS
  const body = `${name} (pid ${pid}) has ended after ${seconds} s${times}`
  return serviceProcessSignals.processEnded.event({ ...occurrence, severity: isOutage ? 'warning' : undefined, body })
}

function toRestart(client: ServerClient, { pid, name }: ServiceProcess, previous: Ended, at: Date): Event {
  const seconds = Math.round((at.getTime() - previous.at.getTime()) / 1000)
  return serviceProcessSignals.processRestarted.event({
    at,
    entity: client.machine.entity,
    body: `${name} was started again as pid ${pid}, after pid ${previous.pid} had ended`,
    attributes: {
      'process.pid': pid,
      'process.executable.name': name,
      'server.process.previous_pid': previous.pid,
      'server.process.downtime': seconds,
    },
  })
}
