import { redactSecrets } from '@rca/core'
import type { EngineApi } from '../engine/engine-api.ts'

/** Most bytes of a log that are kept as evidence. */
const MOST = 16_384

/** Names of variables whose values are secret, whatever they look like. Short words count as words only. */
const SECRET_NAME =
  /pass|secret|token|key|credential|auth|dsn|connection|cookie|salt|private|cert|psk|jwt|signature|(?<![a-z0-9])(?:pwd|pw|pin)(?![a-z0-9])/i

/** Where a shell keeps the folder that it is in. */
const NO_SECRET = /^(?:OLD)?PWD$/

/** A password in a URL: up to the last `@` of its authority. */
const URL_PASSWORD = /:\/\/[^\s:/?#@]*:([^\s/]+)@/g

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

/** A text without the secrets of the container that wrote it, and without what looks like one. */
export function withoutSecrets(text: string, environment: readonly string[] = []): string {
  return redactSecrets(text, environment.flatMap(secretsOf))
}

/** What is secret of a variable: a program may write it without saying what it is. */
function secretsOf(variable: string): string[] {
  const at = variable.indexOf('=')
  if (at === -1) return []
  const [name, value] = [variable.slice(0, at), variable.slice(at + 1)]
  const passwords = [...value.matchAll(URL_PASSWORD)].flatMap(([, password = '']) => [password, decoded(password)])
  return SECRET_NAME.test(name) && !NO_SECRET.test(name) ? [value, ...passwords] : passwords
}

/** A percent-encoded text as it was, or as it is where it is none. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The last bytes, from the beginning of a line on where one begins there. */
export function tailOf(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MOST) return text
  const tail = bytes.subarray(bytes.length - MOST)
  // The last line's own end is not the beginning of another.
  const lineFeed = tail.subarray(0, -1).indexOf('\n')
  return (lineFeed === -1 ? tail : tail.subarray(lineFeed + 1)).toString('utf8').replace(/^\uFFFD+/, '')
}

/** Milliseconds since 1970 → seconds, as the engine reads them. */
function secondsOf(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3)
}
