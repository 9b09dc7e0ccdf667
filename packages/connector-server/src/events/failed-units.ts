import { type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { FailedUnit, ServerClient } from '../client/server-client.ts'
import { entities, unitAttributes } from '../entities.ts'

export const unitSignals = {
  unitFailed: event({
    name: 'systemd.unit.failed',
    severity: 'error',
    description: 'A systemd unit has failed.',
    attributes: unitAttributes,
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
      const events = [
        ...units
          .filter((unit) => known[unit.name] !== current[unit.name])
          .map((unit) => toFailure(unit, context.now())),
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

function toFailure(unit: FailedUnit, now: Date): Event {
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
