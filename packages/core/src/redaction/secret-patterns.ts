import { stripVTControlCharacters } from 'node:util'
import { createSecretReplacer } from './secret-replacer.ts'

const REDACTED = '[redacted]'

/** Shorter values occur in texts by accident. */
const MIN_SECRET_LENGTH = 6

/**
 * Known secrets that the rules need in order to recognize a secret next to them, such as `postgres` in a URL,
 * `password` before a value, or the first line of a key. They are redacted after the rules, which never match part
 * of one.
 */
const LANDMARK = /^(?:[a-z_]{1,20}|-----(?:BEGIN|END) [A-Z ]{1,60}-----)$/i

/** Names whose value is secret. Bounded on both sides, so that `keyboard` and `tokens` do not match. */
const NAME =
  '[\\w.-]{0,64}?(?:passw(?:or)?d|passphrase|passwd|pwd|secret|token|api[_.-]?key|apikey|access[_.-]?key(?:[_.-]?id)?|private[_.-]?key|encryption[_.-]?key|signing[_.-]?key|account[_.-]?key|credentials?|authorization|auth[_.-]?key|cookie|session[_.-]?id|connection[_.-]?string|dsn)(?:[_.-]\\w{1,32})?'

/** A quoted text with escapes, or a text up to the next space or delimiter. May begin with a redacted secret. */
const VALUE =
  '(?:"(?:[^"\\\\\\n]|\\\\.){0,4096}"?|\'(?:[^\'\\\\\\n]|\\\\.){0,4096}\'?|(?:\\[redacted\\])?[^\\s,;&"\'<>\\]})]{1,4096})'

type Rule = readonly [pattern: RegExp, replacement: string]

/**
 * Patterns of secrets in the output of programs. Every repetition is bounded or excludes the text that follows it,
 * so that time is linear in the length of any text.
 */
const RULES: readonly Rule[] = [
  // Private keys as PEM, even if the end is cut off.
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,16384}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, REDACTED],
  // URLs with credentials. The user name is kept, since it helps to find the cause.
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/?#@]{0,128}):[^\s/@]{1,512}@/gi, `$1:${REDACTED}@`],
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s:/?#@]{16,512}@/gi, `$1${REDACTED}@`],
  // Headers: `Authorization: Bearer x`, or only the scheme and the credentials.
  [/\b(authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:[a-z][\w-]{1,20}\s{1,4})?)[^\s,;"']{1,4096}/gi, `$1${REDACTED}`],
  [/\b(bearer|basic|negotiate)\s{1,4}[\w.~+/=-]{8,4096}/gi, `$1 ${REDACTED}`],
  [/\b((?:set-)?cookie["']?\s{0,4}:\s{0,4})[^\r\n]{1,4096}/gi, `$1${REDACTED}`],
  // JSON Web Tokens.
  [/\beyJ[\w-]{8,4096}\.[\w-]{4,8192}(?:\.[\w-]{0,4096})?/g, REDACTED],
  // Tokens of well-known services, by their prefix.
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
  [/\bagentkey_[\w-]{43}/g, REDACTED],
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

/** Removes private keys without a beginning, as in the tail of a log. */
function withoutKeyEnds(text: string): string {
  if (!text.includes('PRIVATE KEY-----')) return text
  const kept: string[] = []
  for (const line of text.split('\n')) {
    if (KEY_END.test(line) && KEY_LINE.test(kept.at(-1) ?? '')) {
      while (KEY_LINE.test(kept.at(-1) ?? '')) kept.pop()
      // A rule removes keys with a beginning.
      kept.push(REDACTED)
    }
    kept.push(line)
  }
  return kept.join('\n')
}

/** Removes escape sequences and control characters, which could split a secret that a terminal shows in one piece. */
function withoutControls(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\t\n\r]/gu, '')
}

/** Returns the texts to search for a secret: the whole secret, with LF and with CR LF, and each of its lines. */
function searchedValues(secret: string): string[] {
  const lines = withoutControls(secret).trim().split(/\r?\n/)
  const values = [lines.join('\n'), lines.join('\r\n'), ...lines.map((line) => line.trim())]
  return values.filter((value) => value.length >= MIN_SECRET_LENGTH)
}

/**
 * Redacts the output of a program: passwords, tokens, keys, credentials in URLs and headers, and known secrets of at
 * least six characters, as a whole and line by line.
 */
export function redactSecretPatterns(text: string, secrets: readonly string[] = []): string {
  const values = secrets.flatMap(searchedValues)
  const landmarks = values.filter((value) => LANDMARK.test(value))
  const others = values.filter((value) => !LANDMARK.test(value))
  let redacted = createSecretReplacer(others)(withoutKeyEnds(withoutControls(text)))
  for (const [pattern, replacement] of RULES) redacted = redacted.replace(pattern, replacement)
  return createSecretReplacer(landmarks)(redacted)
}
