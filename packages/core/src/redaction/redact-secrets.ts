import { stripVTControlCharacters } from 'node:util'
import { textRedactor } from './redact-text.ts'

const REDACTED = '[redacted]'

/** Shorter values stand in texts by accident. */
const SHORTEST = 6

/**
 * Known values by which rules recognize what is secret beside them: `postgres` of a URL, `password` before a value, the
 * first line of any key. No rule takes a part of one.
 */
const LANDMARK = /^(?:[a-z_]{1,20}|-----(?:BEGIN|END) [A-Z ]{1,60}-----)$/i

/** Words that say that what follows them is secret. Bounded on both sides, so that `keyboard` and `tokens` are none. */
const NAME =
  '[\\w.-]{0,64}?(?:passw(?:or)?d|passphrase|passwd|pwd|secret|token|api[_.-]?key|apikey|access[_.-]?key(?:[_.-]?id)?|private[_.-]?key|encryption[_.-]?key|signing[_.-]?key|account[_.-]?key|credentials?|authorization|auth[_.-]?key|cookie|session[_.-]?id|connection[_.-]?string|dsn)(?:[_.-]\\w{1,32})?'

/** A text in quotes, with escapes, or up to the next blank or delimiter; a known secret may be its beginning. */
const VALUE =
  '(?:"(?:[^"\\\\\\n]|\\\\.){0,4096}"?|\'(?:[^\'\\\\\\n]|\\\\.){0,4096}\'?|(?:\\[redacted\\])?[^\\s,;&"\'<>\\]})]{1,4096})'

type Rule = readonly [pattern: RegExp, replacement: string]

/**
 * Forms of secrets in texts that programs write. Every repetition is bounded or excludes what follows it: time grows
 * with the text's length only, whatever it holds.
 */
const RULES: readonly Rule[] = [
  // Private keys as PEM, also where the end is cut off.
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,16384}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, REDACTED],
  // URLs with credentials: the user stays, since it shows what failed.
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/?#@]{0,128}):[^\s/@]{1,512}@/gi, `$1:${REDACTED}@`],
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s:/?#@]{16,512}@/gi, `$1${REDACTED}@`],
  // Headers: `Authorization: Bearer x`, and the schemes alone.
  [/\b(authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:[a-z][\w-]{1,20}\s{1,4})?)[^\s,;"']{1,4096}/gi, `$1${REDACTED}`],
  [/\b(bearer|basic|negotiate)\s{1,4}[\w.~+/=-]{8,4096}/gi, `$1 ${REDACTED}`],
  [/\b((?:set-)?cookie["']?\s{0,4}:\s{0,4})[^\r\n]{1,4096}/gi, `$1${REDACTED}`],
  // JSON Web Tokens.
  [/\beyJ[\w-]{8,4096}\.[\w-]{4,8192}(?:\.[\w-]{0,4096})?/g, REDACTED],
  // Tokens of well-known services, which begin in their own way.
  [/\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b/g, REDACTED],
  [
    /\b(?:gh[pousr]_\w{20,255}|github_pat_\w{20,255}|glpat-[\w-]{16,255}|xox[abeoprs]-[\w-]{10,255}|npm_\w{20,255})/g,
    REDACTED,
  ],
  [
    /\b(?:sk|pk|rk)[_-](?:live|test|proj|ant)[_-][\w-]{8,255}|\bsk-[\w-]{20,255}|\bAIza[\w-]{30,64}|\bSG\.[\w-]{10,64}\.[\w-]{10,128}/g,
    REDACTED,
  ],
  [/\bagent_[\w-]{1,128}_[\w-]{43}\b/g, REDACTED],
  // `password=…`, `"api_key": "…"`, `--token …`.
  [
    new RegExp(
      `(?<![\\w])(["']?${NAME}["']?\\s{0,4}(?:=>?|:=?)\\s{0,4})(?!\\[redacted\\](?![\\w.~+/=-]))${VALUE}`,
      'gi',
    ),
    `$1${REDACTED}`,
  ],
  [new RegExp(`(--?${NAME}\\s{1,4})(?!\\[redacted\\](?![\\w.~+/=-]))${VALUE}`, 'gi'), `$1${REDACTED}`],
  [
    /\b((?:identified by|password is|passphrase is|secret is|token is)\s{1,4})["']?[^\s"',;]{1,512}["']?/gi,
    `$1${REDACTED}`,
  ],
]

const KEY_END = /^-----END [A-Z ]{0,40}PRIVATE KEY-----/
const KEY_LINE = /^[A-Za-z0-9+/=]{1,128}\r?$/

/** Removes private keys whose beginning was cut off, as in the tail of a log. */
function withoutKeyEnds(text: string): string {
  if (!text.includes('PRIVATE KEY-----')) return text
  const kept: string[] = []
  for (const line of text.split('\n')) {
    if (KEY_END.test(line) && KEY_LINE.test(kept.at(-1) ?? '')) {
      while (KEY_LINE.test(kept.at(-1) ?? '')) kept.pop()
      // A rule removes keys that have their beginning.
      kept.push(REDACTED)
    }
    kept.push(line)
  }
  return kept.join('\n')
}

/** The text that is left of what terminals interpret: they show a secret as one, whatever stands in its middle. */
function withoutControls(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\t\n\r]/gu, '')
}

/** Values to search for a secret: all of it, with either end of lines, and each of its lines. */
function searchedValues(secret: string): string[] {
  const lines = withoutControls(secret).trim().split(/\r?\n/)
  const values = [lines.join('\n'), lines.join('\r\n'), ...lines.map((line) => line.trim())]
  return values.filter((value) => value.length >= SHORTEST)
}

/**
 * A text that a program wrote (a log, the output of a health check) without what looks like a secret: passwords, tokens,
 * keys, credentials in URLs and headers. Escape sequences of terminals are taken out first: they could stand in a secret's
 * middle. What names nothing secret and has no known form stays, unless it is one of the `secrets`: their values are taken
 * out wherever they stand, those of several lines also line by line, but none below six characters.
 */
export function redactText(text: string, secrets: readonly string[] = []): string {
  const values = secrets.flatMap(searchedValues)
  const landmarks = values.filter((value) => LANDMARK.test(value))
  const others = values.filter((value) => !LANDMARK.test(value))
  let redacted = textRedactor(others)(withoutKeyEnds(withoutControls(text)))
  for (const [pattern, replacement] of RULES) redacted = redacted.replace(pattern, replacement)
  return textRedactor(landmarks)(redacted)
}
