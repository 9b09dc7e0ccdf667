import { type Event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { FailedUnit, ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** Failed units: name → the invocation that failed, or an empty text where systemd gives none. */
const cursorSchema = z.record(z.string(), z.string())
type Invocations = z.output<typeof cursorSchema>

/**
 * Notices that a unit has failed, has failed again, or is no longer failed. Ends where no systemd runs. Units that had
 * failed before the agent was there for the first time are told as well: they may be what someone looks for.
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
  return signals.unitFailed.event({
    id:
      unit.invocationId === undefined
        ? undefined
        : `systemd.unit.failed/${unit.name}/${unit.invocationId}`.slice(0, 256),
    at: unit.failedAt ?? now,
    entity: signals.systemdUnit.reference(unit.name),
    body: `${unit.name} has failed${reasonOf(unit)}`,
    attributes: {
      'systemd.unit.name': unit.name,
      'systemd.unit.result': unit.result,
      'process.exit.code': unit.exitCode,
      'server.process.exit_signal': unit.killedBy,
    },
  })
}

function toRecovery(name: string, invocationId: string, at: Date): Event {
  return signals.unitRecovered.event({
    id: invocationId === '' ? undefined : `systemd.unit.recovered/${name}/${invocationId}`.slice(0, 256),
    at,
    entity: signals.systemdUnit.reference(name),
    body: `${name} is no longer failed`,
    attributes: { 'systemd.unit.name': name },
  })
}

function reasonOf({ exitCode, killedBy, result }: FailedUnit): string {
  if (exitCode !== undefined && exitCode !== 0) return `: its main process exited with ${exitCode}`
  if (killedBy !== undefined)
    return `: its main process was ended by signal ${killedBy}${result === 'signal' ? '' : ` (${result})`}`
  return result === undefined ? '' : `: ${result}`
}
