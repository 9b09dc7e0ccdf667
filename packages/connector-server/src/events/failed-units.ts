import { type Event, event, openCursor, redactSecrets, tailOf, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { FailedUnit, ServerClient } from '../client/server-client.ts'
import { entities, unitAttributes } from '../entities.ts'

export const unitSignals = {
  unitFailed: event({
    name: 'systemd.unit.failed',
    severity: 'error',
    description: 'A systemd unit has failed.',
    attributes: {
      ...unitAttributes,
      'systemd.unit.log': 'End of the log of this run in the journal, at most 16 KiB, without secrets.',
      'systemd.unit.log_missing': 'Reason for a missing log.',
    },
  }),
  unitRecovered: event({
    name: 'systemd.unit.recovered',
    severity: 'info',
    description: 'A systemd unit left the state `failed`: it runs again, was reset or was removed.',
    attributes: { 'systemd.unit.name': 'Name of the unit.' },
  }),
}

/** Failed units: name → the failed invocation, or an empty text where systemd has no invocation ids. */
const cursorSchema = z.record(z.string(), z.string())
type Invocations = z.output<typeof cursorSchema>

/**
 * Reports units that fail, fail again or recover. Ends where systemd does not run. The first run of an agent also
 * reports units that failed before it, since an operator may be looking for them.
 */
export const failedUnits: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    let known = cursor.before ?? {}
    for (;;) {
      const units = await client.failedUnits(context.signal)
      if (units === undefined) return
      const current: Invocations = Object.fromEntries(units.map((unit) => [unit.name, unit.invocationId ?? '']))
      const failed = units.filter((unit) => known[unit.name] !== current[unit.name])
      const logs: UnitLog[] = []
      for (const unit of failed) logs.push(await logOf(client, unit, logs.length, context.signal))
      const events = [
        ...failed.map((unit, index) => toFailure(unit, logs[index], context.now())),
        ...Object.keys(known)
          .filter((name) => !Object.hasOwn(current, name))
          .map((name) => toRecovery(name, known[name] ?? '', context.now())),
      ]
      if (events.length > 0) context.emit({ events })
      known = current
      await cursor.save(current)
      await context.sleep('30s')
    }
  },
}

/** End of the log of a failed run, or the reason for its absence. */
type UnitLog = { readonly log: string } | { readonly missing: string }

/** Logs that are read at once, for units that failed together. */
const MAX_LOGS = 20

const LOG_TIMEOUT_MS = 5_000

async function logOf(client: ServerClient, unit: FailedUnit, count: number, signal: AbortSignal): Promise<UnitLog> {
  const lines = client.crashLogLines
  if (lines === 0) return { missing: '`crash_log_lines` is 0' }
  if (unit.invocationId === undefined) return { missing: 'this version of systemd does not number the runs of a unit' }
  if (count >= MAX_LOGS) return { missing: `more than ${MAX_LOGS} units failed together` }
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), LOG_TIMEOUT_MS)
  try {
    const ended = AbortSignal.any([signal, timeout.signal])
    const text = await client.invocationLog(unit.invocationId, lines + 1, ended)
    const log = tailOf(text, { lines, redact: redactSecrets })
    return log === '' ? { missing: NO_LINES } : { log }
  } catch (error) {
    signal.throwIfAborted()
    return { missing: redactSecrets(error instanceof Error ? error.message : String(error)) }
  } finally {
    clearTimeout(timer)
  }
}

const NO_LINES =
  'the journal has no lines of this run, or the agent may not read it: members of the group `systemd-journal` may'

function toFailure(unit: FailedUnit, log: UnitLog | undefined, now: Date): Event {
  return unitSignals.unitFailed.event({
    id: eventId('systemd.unit.failed', unit.name, unit.invocationId ?? ''),
    at: unit.failedAt ?? now,
    entity: entities.systemdUnit.reference(unit.name),
    body: `${unit.name} has failed${failureReason(unit)}`,
    attributes: {
      'systemd.unit.name': unit.name,
      'systemd.unit.result': unit.result,
      'process.exit.code': unit.exitCode,
      'server.process.exit_signal': unit.killedBy,
      'systemd.unit.log': log && 'log' in log ? log.log : undefined,
      'systemd.unit.log_missing': log && 'missing' in log ? log.missing : undefined,
    },
  })
}

function toRecovery(name: string, invocationId: string, at: Date): Event {
  return unitSignals.unitRecovered.event({
    id: eventId('systemd.unit.recovered', name, invocationId),
    at,
    entity: entities.systemdUnit.reference(name),
    body: `${name} is no longer failed`,
    attributes: { 'systemd.unit.name': name },
  })
}

function eventId(event: string, unit: string, invocationId: string): string | undefined {
  return invocationId === '' ? undefined : `${event}/${unit}/${invocationId}`.slice(0, 256)
}

function failureReason({ exitCode, killedBy, result }: FailedUnit): string {
  if (exitCode !== undefined && exitCode !== 0) return `: its main process exited with ${exitCode}`
  if (killedBy !== undefined)
    return `: its main process was killed by signal ${killedBy}${result === 'signal' ? '' : ` (${result})`}`
  return result === undefined ? '' : `: ${result}`
}
