import { tailOf, withoutSecrets } from '@rca/core/connector'
import type { EngineApi } from '../engine/engine-api.ts'

/** What a container said at its end, or why that cannot be told. */
export type LogTail = { readonly log: string } | { readonly missing: string }

/** When a run of a container wrote its log. */
export interface LoggedRun {
  readonly id: string
  /** `NAME=value` */
  readonly environment: readonly string[]
  /** In milliseconds since 1970; without it the log is read from its beginning. */
  readonly since: number | undefined
  readonly until: number
}

/** The end of the log of one run, without the container's own secrets and what else looks like one. */
export async function readLogTail(
  engine: Pick<EngineApi, 'logs'>,
  { id, environment, since, until }: LoggedRun,
  lines: number,
  signal: AbortSignal,
): Promise<LogTail> {
  if (lines === 0) return { missing: '`crash_log_lines` is 0' }
  const request = { since: since === undefined ? undefined : secondsOf(since), until: secondsOf(until), lines }
  const text = await engine.logs(id, request, signal)
  if (text === undefined) return { missing: 'the container is gone, or its log driver cannot be read' }
  return { log: tailOf(withoutSecrets(text, environment)) }
}

/** Milliseconds since 1970 → seconds, as the engine reads them. */
function secondsOf(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3)
}
