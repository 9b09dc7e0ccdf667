import { createSecretReplacer, isSecretName } from '@rca/core'
import { redactSecrets } from '@rca/core/connector'
import type { Exchange, Recording } from './recording.ts'

/** Headers that a client may need. All others are left out: cookies, tokens, names of hosts. */
const KEPT_HEADERS = new Set(['content-type', 'link', 'retry-after', 'x-next-page', 'x-total-count'])

const REDACTED = '[redacted]'

/** Options of `redactRecording`. */
export interface RedactionOptions {
  /** Secrets that the connector was configured with. */
  readonly secrets: readonly string[]
  /** Names and the names that replace them everywhere. */
  readonly renames: ReadonlyMap<string, string>
}

/**
 * Removes secrets: those of the configuration in every form, values with the name of a secret, text that looks like a
 * secret. Replaces each name, and each host, by the same other name wherever it occurs.
 */
export function redactRecording(recording: Recording, { secrets, renames }: RedactionOptions): Recording {
  const replaceKnown = createSecretReplacer(secrets)
  const redact = (text: string): string => redactSecrets(replaceKnown(text))
  const safe = {
    ...recording,
    options: mapValues(recording.options, redact),
    exchanges: recording.exchanges.map((exchange) => redactExchange(exchange, redact)),
  }
  const names = new Map([...hostNames(safe), ...renames])
  // Longest first: a name may contain another.
  const ordered = [...names].sort(([left], [right]) => right.length - left.length)
  const rename = (text: string): string =>
    ordered.reduce((renamed, [name, alias]) => renamed.replaceAll(name, alias), text)
  return mapTexts(safe, rename) as Recording
}

function redactExchange(exchange: Exchange, redact: (text: string) => string): Exchange {
  const headers = Object.entries(exchange.headers).filter(([name]) => KEPT_HEADERS.has(name.toLowerCase()))
  return {
    ...exchange,
    url: redactUrl(exchange.url, redact),
    headers: Object.fromEntries(headers.map(([name, value]) => [name, redact(value)])),
    body: exchange.isBinary === true ? exchange.body : redactBody(exchange.body, redact),
  }
}

/** Returns the address of a request as a recording holds it. */
export function redactUrl(url: string, redact: (text: string) => string): string {
  const parsed = new URL(url)
  parsed.username = ''
  parsed.password = ''
  for (const [name, value] of [...parsed.searchParams])
    parsed.searchParams.set(name, isSecretName(name) ? REDACTED : redact(value))
  parsed.pathname = parsed.pathname
    .split('/')
    .map((part) => redact(part))
    .join('/')
  return parsed.href
}

function redactBody(body: string, redact: (text: string) => string): string {
  return (
    redactIfJson(body, redact) ??
    body
      .split('\n')
      .map((line) => redactLine(line, redact))
      .join('\n')
  )
}

/** Redacts a line of a stream: JSON, also after the field of a server-sent event, or text. */
function redactLine(line: string, redact: (text: string) => string): string {
  const [, field = '', rest = ''] = /^(data: ?)?(.*)$/s.exec(line) ?? []
  const json = redactIfJson(rest, redact)
  return json === undefined ? redact(line) : field + json
}

function redactIfJson(text: string, redact: (text: string) => string): string | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  const [spaceAtEnd] = /\s*$/.exec(text) ?? ['']
  return JSON.stringify(redactJson(json, redact)) + spaceAtEnd
}

function redactJson(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((item) => redactJson(item, redact))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const isSecret = isSecretName(key) && (typeof item === 'string' || typeof item === 'number')
      return [key, isSecret ? REDACTED : redactJson(item, redact)]
    }),
  )
}

/** Returns an alias for every host, except those on this machine. */
function hostNames({ exchanges }: Recording): Map<string, string> {
  const hosts = new Set(exchanges.map(({ url }) => new URL(url).hostname))
  const remote = [...hosts].filter((host) => !/^(?:127\.[\d.]+|localhost|\[::1\])$/.test(host)).sort()
  return new Map(remote.map((host, index) => [host, `service-${index + 1}.example`] as const))
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, map)]))
}

function mapValues(texts: Readonly<Record<string, string>>, map: (text: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, map(value)]))
}
