import {
  createEventSampler,
  type EntityReference,
  type Event,
  type EventSample,
  event,
  openCursor,
  type WatchContext,
  type Watcher,
} from '@rca/core/connector'
import { z } from 'zod'
import type { FailedUnit, RunEnd, ServerClient, UnitRun, UnitState } from '../client/server-client.ts'
import { entities, unitAttributes } from '../entities.ts'
import { readUnitLog, unitLogAttributes } from '../evidence/unit-log.ts'

const groupAttributes = {
  'systemd.unit.count': 'Number of units, if one event is for several.',
  'systemd.unit.names': 'Names of these units, at most 100.',
}

const restartAttributes = {
  ...unitAttributes,
  ...unitLogAttributes,
  ...groupAttributes,
  'systemd.unit.restart.count': 'Automatic restarts since the unit was started by request.',
}

export const unitSignals = {
  unitFailed: event({
    name: 'systemd.unit.failed',
    severity: 'error',
    description:
      'A systemd unit has failed. If more than 20 fail at once, one event is for the rest. If one fails repeatedly, the first four failures and the 10th, 30th, 100th, … are reported.',
    attributes: {
      ...unitAttributes,
      ...unitLogAttributes,
      ...groupAttributes,
      'systemd.unit.failure.count': 'Failures since the first of a series.',
    },
  }),
  unitRecovered: event({
    name: 'systemd.unit.recovered',
    severity: 'info',
    description: 'A systemd unit left the state `failed`: it runs again, was reset or was removed.',
    attributes: { 'systemd.unit.name': 'Name of the unit.', ...groupAttributes },
  }),
  unitRestarted: event({
    name: 'systemd.unit.restarted',
    severity: 'warning',
    description: 'A systemd unit has ended, and systemd starts it again.',
    attributes: restartAttributes,
  }),
  unitRestartLoop: event({
    name: 'systemd.unit.restart_loop',
    severity: 'error',
    description:
      'A systemd unit ends repeatedly, and systemd starts it again. After four restarts, the 10th, 30th, 100th, … replace the events of single restarts.',
    attributes: { ...restartAttributes, 'systemd.unit.restart_loop.count': 'Restarts since the loop began.' },
  }),
}

/** Failed units: name → the failed invocation, or an empty text where systemd has no invocation ids. */
const invocationsSchema = z.record(z.string(), z.string())
type Invocations = z.output<typeof invocationsSchema>

/** Earlier versions saved the invocations alone. */
const cursorSchema = z
  .object({ bootId: z.string().optional(), units: invocationsSchema })
  .or(invocationsSchema.transform((units) => ({ bootId: undefined, units })))

/** Maximum number of events of a kind at once: one event is for all others. */
const MAX_EVENTS = 20

/** Maximum number of names in an event. */
const MAX_NAMES = 100

/** Maximum number of units whose states are asked for at once. */
const MAX_STATES = 200

/** Maximum number of runs that are kept until the next look. */
const MAX_RUNS = 10_000

/** Time between two attempts to follow a journal that cannot be followed. */
const FOLLOW_INTERVAL_MS = 600_000

/**
 * Reports units that fail, fail again, recover, or are restarted automatically. Looks every 30 seconds, and when
 * systemd writes to the journal that a run has failed: also if the unit runs again by then. Ends where systemd does not
 * run. The first run of an agent also reports units that failed before it: an operator may be looking for them.
 */
export const failedUnits: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    const reporter = createReporter(client, context)
    const journal = followRuns(client, context)
    let known = cursor.before?.units ?? {}
    let knownBootId = cursor.before?.bootId
    for (;;) {
      const units = await client.failedUnits(context.signal)
      if (units === undefined) return
      journal.follow((unit) => Object.hasOwn(known, unit))
      const current: Invocations = Object.fromEntries(units.map((unit) => [unit.name, unit.invocationId ?? '']))
      const failed = units.filter((unit) => known[unit.name] !== current[unit.name])
      const runs = journal
        .take()
        .filter(({ unit, invocationId = '' }) => invocationId !== current[unit] && invocationId !== known[unit])
      const { id: bootId } = await client.boot()
      const isRebooted = knownBootId !== undefined && bootId !== undefined && knownBootId !== bootId
      const recovered = Object.keys(known).filter((name) => !Object.hasOwn(current, name))
      const events = await reporter.report(failed, runs, recovered, { known, isRebooted })
      if (events.length > 0) context.emit({ events })
      known = current
      knownBootId = bootId
      await cursor.save({ bootId, units: current })
      await journal.wait(failed.length + runs.length > MAX_EVENTS)
    }
  },
}

/** Follows the journal, and wakes the watcher. */
function followRuns(client: ServerClient, context: WatchContext) {
  let runs: UnitRun[] = []
  let hasChange = false
  let wake = (): void => undefined
  let nextFollow = 0
  const onRun = (run: UnitRun, isFailed: (unit: string) => boolean): void => {
    if (run.kind === 'started' ? !isFailed(run.unit) : runs.length >= MAX_RUNS) return
    if (run.kind !== 'started') runs.push(run)
    hasChange = true
    wake()
  }
  return {
    /** Follows the journal from now on, unless that has failed recently. */
    follow: (isFailed: (unit: string) => boolean): void => {
      const now = context.now().getTime()
      if (now < nextFollow) return
      nextFollow = Number.POSITIVE_INFINITY
      const ended = client.followUnitRuns((run) => onRun(run, isFailed), context.signal)
      void ended.finally(() => {
        nextFollow = context.now().getTime() + FOLLOW_INTERVAL_MS
      })
    },
    /** Returns the runs that have ended since the last call. */
    take: (): readonly UnitRun[] => {
      const taken = runs
      runs = []
      hasChange = false
      return taken
    },
    /** Waits until a run has ended or a failed unit has started. After a burst, waits for the next look. */
    wait: async (isBurst: boolean): Promise<void> => {
      if (isBurst) return context.sleep('30s')
      const change = new Promise<void>((resolve) => {
        wake = resolve
      })
      if (!hasChange) await Promise.race([context.sleep('30s'), change])
      // Related messages follow, such as the failures of units that need this one.
      if (hasChange) await context.sleep('1s')
    },
  }
}

interface UnitEvent {
  readonly unit: string
  readonly event: Event
}

function createReporter(client: ServerClient, context: WatchContext) {
  const sampler = createEventSampler()
  const { signal } = context

  const readStates = async (names: readonly string[]): Promise<ReadonlyMap<string, UnitState>> => {
    if (names.length === 0 || names.length > MAX_STATES) return new Map()
    // Without the states, a restart looks like a failure, and times are those of this look.
    const states = await client.unitStates(names, signal).catch(() => [])
    return new Map(states.map((state) => [state.name, state]))
  }

  /** Reads the log only if the event is not left out, because many units failed at once. */
  const readLog = async (unit: string, { invocationId }: RunEnd, events: readonly UnitEvent[]) =>
    events.length >= MAX_EVENTS ? {} : readUnitLog(client, unit, invocationId, signal)

  const addFailure = async (unit: string, run: RunEnd, at: Date, events: UnitEvent[]): Promise<boolean> => {
    const sample = sampler.sample(`failed/${unit}`, { at })
    if (sample === undefined) return false
    const log = await readLog(unit, run, events)
    events.push({ unit, event: toFailure(unit, run, at, sample, log) })
    return true
  }

  return {
    /** Returns the events of units that are failed now, of other ended runs, and of units that are no longer failed. */
    report: async (
      failed: readonly FailedUnit[],
      runs: readonly UnitRun[],
      recovered: readonly string[],
      { known, isRebooted }: { readonly known: Invocations; readonly isRebooted: boolean },
    ): Promise<Event[]> => {
      const states = await readStates([...new Set([...runs.map(({ unit }) => unit), ...recovered])])
      const failures: UnitEvent[] = []
      const restarts: UnitEvent[] = []
      const recoveries: UnitEvent[] = []
      const left = new Map(recovered.map((name) => [name, known[name] ?? '']))
      for (const unit of failed) await addFailure(unit.name, unit, unit.changedAt ?? context.now(), failures)
      for (const run of runs) {
        const { unit, at } = run
        const state = states.get(unit)
        if (run.kind === 'restarted' || state?.isRestarting === true || (state?.restarts ?? 0) > 0) {
          const sample = sampler.sample(`restarted/${unit}`, { at })
          if (sample === undefined) continue
          const log = await readLog(unit, run, restarts)
          restarts.push({ unit, event: toRestart(run, state, sample, log) })
        } else if ((await addFailure(unit, run, at, failures)) && !failed.some(({ name }) => name === unit)) {
          left.set(unit, run.invocationId ?? '')
        }
      }
      for (const [unit, invocationId] of left) {
        // A reboot clears failures: a unit that has not been started since then has not recovered.
        if (isRebooted && states.get(unit)?.invocationId === undefined) continue
        const at = states.get(unit)?.changedAt ?? context.now()
        recoveries.push({ unit, event: toRecovery(unit, invocationId, at) })
      }
      const host = client.machine.entity
      return [
        ...summarize(failures, host, 'have failed'),
        ...summarize(restarts, host, 'were restarted by systemd'),
        ...summarize(recoveries, host, 'are no longer failed'),
      ]
    },
  }
}

/** Returns the first events, and one event of the host for all others. */
function summarize(events: readonly UnitEvent[], host: EntityReference, what: string): Event[] {
  const first = events.slice(0, MAX_EVENTS).map(({ event }) => event)
  const rest = events.slice(MAX_EVENTS)
  const [one] = rest
  if (one === undefined) return first
  const names = rest.map(({ unit }) => unit)
  const summary: Event = {
    name: one.event.name,
    at: one.event.at,
    severity: one.event.severity,
    entity: host,
    body: `${rest.length} more units ${what}: ${names.slice(0, 5).join(', ')}${rest.length > 5 ? ', …' : ''}`,
    attributes: { 'systemd.unit.count': rest.length, 'systemd.unit.names': names.slice(0, MAX_NAMES) },
  }
  return [...first, summary]
}

type LogAttributes = Awaited<ReturnType<typeof readUnitLog>>

function toFailure(unit: string, run: RunEnd, at: Date, sample: EventSample, log: LogAttributes): Event {
  const repeated = sample.isMilestone ? `, for the ${sample.count}th time` : ''
  return unitSignals.unitFailed.event({
    id: eventId('systemd.unit.failed', unit, run.invocationId ?? ''),
    at,
    entity: entities.systemdUnit.reference(unit),
    body: `${unit} has failed${repeated}${endOf(run)}`,
    attributes: {
      ...runAttributes(unit, run),
      ...log,
      'systemd.unit.failure.count': sample.count > 1 ? sample.count : undefined,
    },
  })
}

function toRestart(run: UnitRun, state: UnitState | undefined, sample: EventSample, log: LogAttributes): Event {
  const { unit, at } = run
  const entity = entities.systemdUnit.reference(unit)
  const restarts = state?.restarts
  const attributes = { ...runAttributes(unit, run), ...log, 'systemd.unit.restart.count': restarts }
  if (!sample.isMilestone) {
    return unitSignals.unitRestarted.event({
      id: eventId('systemd.unit.restarted', unit, run.invocationId ?? ''),
      at,
      entity,
      body: `${unit} has ended, and systemd starts it again${endOf(run)}`,
      attributes,
    })
  }
  return unitSignals.unitRestartLoop.event({
    id: eventId('systemd.unit.restart_loop', unit, run.invocationId ?? ''),
    at,
    entity,
    body: `${unit} is in a restart loop: it has ended ${sample.count} times${endOf(run)}`,
    attributes: { ...attributes, 'systemd.unit.restart_loop.count': sample.count },
  })
}

function toRecovery(unit: string, invocationId: string, at: Date): Event {
  return unitSignals.unitRecovered.event({
    id: eventId('systemd.unit.recovered', unit, invocationId),
    at,
    entity: entities.systemdUnit.reference(unit),
    body: `${unit} is no longer failed`,
    attributes: { 'systemd.unit.name': unit },
  })
}

function runAttributes(unit: string, { result, exitCode, killedBy }: RunEnd) {
  return {
    'systemd.unit.name': unit,
    'systemd.unit.result': result,
    'process.exit.code': exitCode,
    'server.process.exit_signal': killedBy,
  }
}

function eventId(event: string, unit: string, invocationId: string): string | undefined {
  return invocationId === '' ? undefined : `${event}/${unit}/${invocationId}`.slice(0, 256)
}

function endOf({ exitCode, killedBy, result }: RunEnd): string {
  if (exitCode !== undefined && exitCode !== 0) return `: its main process exited with ${exitCode}`
  if (killedBy !== undefined)
    return `: its main process was killed by signal ${killedBy}${result === 'signal' ? '' : ` (${result})`}`
  if (result === 'success') return ': its main process exited with 0'
  return result === undefined ? '' : `: ${result}`
}
