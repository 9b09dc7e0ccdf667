import { isSecretName, wordsOf } from './secret-names.ts'
import { isHarmless, isObjectName, isWorkingDirectory, looksRandom } from './secret-values.ts'
import { MAX_TOKEN_LENGTH, trimmedEnd } from './text-scanning.ts'

/** Name before a value, and how it is written. */
export interface Named {
  readonly name: string
  readonly separator: string
  readonly isQuoted: boolean
  readonly start: number
}

/** Variables with a key of unknown kind, and names of keys that are not secret. */
export const VARIABLE_KEY = /^[A-Z][A-Z0-9_]*_KEY$/
const NO_SECRET_KEY =
  /(?:PUBLIC|PUB|PARTITION|SORT|PRIMARY|FOREIGN|CACHE|IDEMPOTENCY|ROUTING|OBJECT|MESSAGE|LOOKUP|SESSION_STORE|GPG|INDEX|UNIQUE|HASH|GROUP|BUCKET|RATE_LIMIT|LOCK)_KEY$/

/** Returns whether a value with a name is a secret. */
export function isSecretValue(value: string, named: Named, isQuotedValue: boolean, text: string, end: number): boolean {
  const { name, separator, start } = named
  const words = wordsOf(name)
  const lower = words.join('')
  if (/^(?:sig|hmac|code|key|nonce|sid|ticket|sas|salt|community|psk|pin|pincode|auth|httpauth|xauth)$/.test(lower)) {
    const isQuery = text[start - 1] === '?' || text[start - 1] === '&'
    if (lower === 'pin' || lower === 'pincode' || lower === 'psk') return /^\S*\d\S*$/.test(value) && value.length >= 4
    if (lower === 'code' || lower === 'key' || lower === 'nonce' || lower === 'ticket')
      return isQuery && value.length >= 12 && looksRandom(value) && !PATH_OR_WORDS.test(value)
    if (lower === 'sig' || lower === 'sid' || lower === 'hmac')
      return value.length >= 12 && /\d|%/.test(value) && looksRandom(value)
    return value.length >= 6 && looksRandom(value) && !/\s/.test(value) && !PATH_OR_WORDS.test(value)
  }
  if (isHarmless(value) || isWorkingDirectory(name, value)) return false
  if (!isSecretName(name) && /^(?:auth|salt|pin|key)$/.test(words.at(-1) ?? ''))
    return isOfWeakName(name, words.at(-1) ?? '', value)
  // The service and the kind of a module: `pam_unix(passwd:auth)`.
  if (/\bpam_\w{1,16}\($/.test(text.slice(Math.max(0, start - 24), start))) return false
  if (lower.endsWith('sessionid') && (value.length < 8 || !/\d/.test(value))) return false
  const isBareObject = /^(?:secret|token|credentials?|creds|cert)$/i.test(words.at(-1) ?? '')
  const isColon = separator.trim() === ':' || separator.trim() === '->'
  if (
    /^secrets?$/i.test(name) &&
    isObjectName(value) &&
    (value.includes('/') || !isColon || isQuotedValue || /^[a-z]+$/.test(value))
  )
    return value.length > 24 && !value.includes('/')
  if (isQuotedValue) return !(isColon && /\s/.test(value) && isBareObject && !/\d/.test(value))
  if (!isColon) return true
  if (separator.trim() === '->' && isBareObject) return false
  if (/^PASS$/.test(name)) return false
  if (!/\s$/.test(separator)) return /[^a-zA-Z]/.test(value) || !isBareObject
  if (looksLikeWord(value) && !isHeader(name)) {
    // A sentence goes on; a field ends with its line.
    if (/^[ \t]+[\p{L}"'`\d(]/u.test(text.slice(end, end + 8))) return false
    return isFieldPosition(text, start) && (!isBareObject || /[^a-zA-Z]/.test(value))
  }
  return true
}

/** Returns whether a value is a secret after `…_AUTH`, `…_SALT`, `…_PIN` or a variable `…_KEY`. */
function isOfWeakName(name: string, last: string, value: string): boolean {
  if (last === 'pin') return /^\d{4,}$/.test(value)
  if (!/\d/.test(value) || /\s/.test(value) || !looksRandom(value) || PATH_OR_WORDS.test(value)) return false
  if (last !== 'key') return value.length >= 6
  const isMixed = /[a-z]/.test(value) && /[A-Z]/.test(value)
  return (
    VARIABLE_KEY.test(name) &&
    !NO_SECRET_KEY.test(name) &&
    value.length >= 16 &&
    /^[\w+/=~.-]+$/.test(value) &&
    (isMixed || !/[/.]/.test(value))
  )
}

/** Returns whether a name is that of a header with a value of one word: `X-Auth-Token`. */
function isHeader(name: string): boolean {
  return /^x-[\w-]+$/i.test(name)
}

const PATH_OR_WORDS = /^[a-z]+(?:[-_./][a-z]+)*$/

/** Returns whether a value is a word, with two hyphens at most: more join the words of a passphrase. */
function looksLikeWord(value: string): boolean {
  return /^["'(]?[\p{L}][\p{L}'’]*(?:-[\p{L}'’]+){0,2}[.,;:!?)]*$/u.test(value)
}

/** Returns whether a name begins a line, or follows a bracket, comma, quote or another field. */
function isFieldPosition(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - 2), start)
  return start === 0 || /[\n\r{[(,:;"'|&?-]\s?$|^\s\s$/.test(before)
}

/** After a delimiter: nothing, another field, an opening bracket, or a word. */
const FIELD_FOLLOWS = /^[,;&|)}\].:!?]*(?:$|["']?[\w.-]+["']?[=:]|[[{(])/
const FIELD_OR_WORD_FOLLOWS = /^[,;&|)}\].:!?]*(?:$|[a-z]+(?:$|[,;&|)}\]])|["']?[\w.-]+["']?[=:]|[[{(])/

/**
 * Returns the length of a value without quotes, in a token. A delimiter ends it where another field, a word or nothing
 * follows. Elsewhere it belongs to the value.
 */
export function unquotedLength(token: string, { name, separator }: Named): number {
  const isVariable = separator === '=' && /^[A-Z][A-Z0-9_]*$/.test(name)
  const delimiters = /[,;&|)}\]]|\\[u\\nrt]/g
  for (let match = delimiters.exec(token); match !== null; match = delimiters.exec(token)) {
    if (isVariable && match[0] !== ')' && match[0] !== '}' && match[0] !== ']' && match[0] !== ',') {
      if (
        match[0].startsWith('\\') ||
        !/^[;&|]+(?:$|[A-Za-z_][\w.]*=)/.test(token.slice(match.index, match.index + 80))
      )
        continue
    }
    const rest = token.slice(match.index + match[0].length, match.index + 80)
    if (match[0].startsWith('\\')) return match.index
    const isEnd = isVariable && match[0] === '}' ? FIELD_FOLLOWS : FIELD_OR_WORD_FOLLOWS
    if (isEnd.test(rest)) return match.index
  }
  return (token.length < MAX_TOKEN_LENGTH ? trimmedEnd(token, '.,;:') : token).length
}
