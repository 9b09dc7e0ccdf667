import { redactSecrets, tailOf } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'

/** Attributes with the end of a run's log. */
export const unitLogAttributes = {
  'systemd.unit.log': 'End of the log of this run in the journal, at most 16 KiB, without secrets.',
  'systemd.unit.log_missing': 'Reason for a missing log.',
} as const

type UnitLog = { readonly [Name in keyof typeof unitLogAttributes]?: string }

const LOG_TIMEOUT_MS = 5_000

const NO_LINES =
  'the journal has no lines of this run, or the agent may not read it: members of the group `systemd-journal` may'

/** Reads the end of the log of a run. Never rejects, unless the signal aborts. */
export async function readUnitLog(
  client: ServerClient,
  unit: string,
  invocationId: string | undefined,
  signal: AbortSignal,
): Promise<UnitLog> {
  const lines = client.crashLogLines
  if (lines === 0) return missing('`crash_log_lines` is 0')
  if (invocationId === undefined) return missing('this version of systemd does not number the runs of a unit')
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), LOG_TIMEOUT_MS)
  try {
    const ended = AbortSignal.any([signal, timeout.signal])
    const text = await client.runLog(unit, invocationId, lines + 1, ended)
    const log = tailOf(text, { lines, redact: redactSecrets })
    return log === '' ? missing(NO_LINES) : { 'systemd.unit.log': log }
  } catch (error) {
    signal.throwIfAborted()
    return missing(redactSecrets(error instanceof Error ? error.message : String(error)))
  } finally {
    clearTimeout(timer)
  }
}

function missing(reason: string): UnitLog {
  return { 'systemd.unit.log_missing': reason }
}
