import { isSecretValue, type Named, unquotedLength, VARIABLE_KEY } from './named-values.ts'
import { reportPrecedingValue } from './preceding-values.ts'
import { isSecretName, SECRET_WORD } from './secret-names.ts'
import type { AddSpan, SecretFinder } from './secret-spans.ts'
import { isHarmless, isObjectName, looksRandom } from './secret-values.ts'
import {
  lineEnd,
  MAX_TOKEN_LENGTH,
  MAX_VALUE_LENGTH,
  matchAt,
  quotedEnd,
  tokenAt,
  tokenEnd,
  trimmedEnd,
} from './text-scanning.ts'

/** Longer names are not searched, so that every step takes bounded time. */
const MAX_NAME_LENGTH = 96

const NAME_CHARACTER = /[\w.-]/

/** A quote, escaped any number of times: JSON may be nested in JSON. */
const QUOTE = /\\{0,15}["'`]/y

/** Quotes of texts of several lines in TOML, INI files and Python. */
const TRIPLE_QUOTE = /"{3}|'{3}/y

/** Types before a value: tags of YAML, and lengths in the output of PHP. */
const TYPE = /!{1,2}(?:str|binary)[ \t]{1,8}|string\(\d{1,7}\) (?=")/y

/** Between a name and its value, after the name's own quote. */
const SEPARATOR = /[ \t]{0,8}(?:=>|:=|->|=(?!=)|:(?!:)|%3[Dd]|\\u003[Dd])[ \t]{0,8}/y

/** `{"name": "DB_PASSWORD", "value": "…"}`, `name: DB_PASSWORD` and the value on the next line, `key="…" value="…"`. */
const VALUE_FIELD = /\s{0,32},?\s{0,32}(?:\\{0,15}["'])?value(?:\\{0,15}["'])?\s{0,8}[:=]\s{0,8}/iy

/** Between an option and its argument, also as a list: `["--password", "…"]`. */
const ARGUMENT_SEPARATOR =
  /[ \t]{1,8}|,[ \t]{1,8}(?=[^\s"',-]{1,512}[\],])|\\{0,15}["'],?\s{1,8}(?=\\{0,15}["'])|\\{0,15}["'],(?=\\{0,15}["'])|\0/y

/** A description in place of a value, a reference to a variable, or a command whose output a shell inserts. */
const SUBSTITUTION =
  /\((?:sensitive|hidden|known after)[^)\n]{0,32}\)|\$\{[^}\n]{0,256}\}(?![\w-])|\$\([^)\n]{0,256}\)(?![\w-])/y

const SCHEME =
  /(?:bearer|basic|token|digest|negotiate|hawk|oauth|aws|dpop|macaroon|apikey|key|aws4-hmac-sha256|splunk|sso-key|ssws|genieKey)[ \t]{1,8}/iy

/** Words after an option that is mentioned in a sentence. */
const SENTENCE =
  /^(?:to|is|are|or|and|must|flag|flags|option|options|was|were|not|with|for|in|has|have|requires?|cannot|can|could|if|when|from|value|argument|arguments|as|on|at|of|by|may|should|will|would|instead|needs?|the|a|an|be|but|used?|given|set|provided|specified|via|because|while|than|then|parameter|setting|without|does|did|only|also|that|this|which)$/i

const WORD = new RegExp(SECRET_WORD, 'gi')

/** Commands whose words are a name and its value: `set`, `setx`, `aws configure set`, `npm config set`. */
const SETTING_COMMAND =
  /(?:^|[\s"'`])(?:setx?|setenv|\$Env:)[ \t]{1,4}(?:-\w{1,4}[ \t]{1,4}){0,3}(?:[^\s"'=]{0,20}[:/])?$/i

/** Functions that take a name and its value. */
const SETTER =
  /\b(?:define|set|put|add|append|setenv|env|getenv|get|getOrDefault|getProperty|set[A-Z]\w{0,16}|put[A-Z]\w{0,16}|add[A-Z]\w{0,16})\(["'`]$/

/** Headings of blocks in YAML. */
const BLOCK = /[|>][+-]?\d?[+-]?[ \t]{0,8}\r?\n/y

/** Names that a whole header line belongs to. */
const COOKIE = /^(?:set[-_])?cookie$/i

/** Finds the values of secret names: `PASSWORD=…`, `"apiKey": "…"`, `--token …`, `<password>…</password>`, headers. */
export const findNamedSecrets: SecretFinder = (text, add) => {
  WORD.lastIndex = 0
  for (let match = WORD.exec(text); match !== null; match = WORD.exec(text)) {
    const start = nameStart(text, match.index)
    let end = match.index + match[0].length
    while (end < text.length && end - start <= MAX_NAME_LENGTH && NAME_CHARACTER.test(text.charAt(end))) end++
    WORD.lastIndex = Math.max(WORD.lastIndex, end, findValue(text, start, end, add))
  }
}

function nameStart(text: string, from: number): number {
  let start = from
  while (start > 0 && from - start < MAX_NAME_LENGTH && NAME_CHARACTER.test(text.charAt(start - 1))) start--
  return start
}

/** Reports the value of the name. Returns the position up to which the text is known. */
function findValue(text: string, start: number, end: number, add: AddSpan): number {
  const written = text.slice(start, end)
  // `-Dapi.key=…`
  const dashes = /^-(?:[DP](?=[a-z])|-?)/.exec(written)?.[0].length ?? 0
  const trimmed = written.replace(/[.-]+$/, '')
  const name = trimmed.slice(dashes)
  const nameEnd = start + trimmed.length
  const after = matchAt(QUOTE, text, nameEnd)
  const isQuoted = after !== undefined
  let position = nameEnd + (after?.length ?? 0)
  // `<property name="password">…</property>`
  if (isQuoted && text[position] === '>') return isSecretName(name) ? reportElement(text, position + 1, add) : end
  // `define('DB_PASSWORD', '…')`, `setProperty("db.password", "…")`
  if (
    isQuoted &&
    text[position] === ',' &&
    isSecretName(name) &&
    SETTER.test(text.slice(Math.max(0, start - 32), start))
  )
    return reportSetterValue(text, position, add)
  // `config['password'] = …`, `[password] => …`
  if (text[position] === ']' && (isQuoted || (text[start - 1] === '[' && text.startsWith('] =>', position)))) position++
  const separator = matchAt(SEPARATOR, text, position)
  if (separator !== undefined) {
    // A user name in a URL.
    if (text.startsWith('://', start - 3)) return end
    if (!isSecret(name, text, start)) return end
    return reportValue(text, position + separator.length, { name, separator, isQuoted, start }, add)
  }
  const field = matchAt(VALUE_FIELD, text, position)
  if (field !== undefined)
    return isSecretName(name)
      ? reportValue(text, position + field.length, { name, separator: '=', isQuoted, start }, add)
      : end
  if (!isSecretName(name)) return end
  reportPrecedingValue(text, start, add)
  if (text[start - 1] === '<' && text[nameEnd] === '>') return reportElement(text, nameEnd + 1, add)
  if (dashes > 0 || text[start - 1] === '/') return reportArgument(text, nameEnd, dashes, add)
  if (SETTING_COMMAND.test(text.slice(Math.max(0, start - 32), start))) return reportSetting(text, nameEnd, add)
  return reportSentence(text, nameEnd, name, add)
}

/** In the query of a URL, also names that are harmless elsewhere are secret. */
function isSecret(name: string, text: string, start: number): boolean {
  if (isSecretName(name) || COOKIE.test(name)) return true
  if (/^(?:auth|x-auth|_auth|http-auth)$/i.test(name)) return true
  if (/^(?:pin|pin[-_]?code|psk|salt|nonce|sid|sas|ticket|community|key|code|sig|hmac)$/i.test(name)) return true
  if (/[_.-](?:auth|salt|pin)$/i.test(name) || VARIABLE_KEY.test(name)) return true
  return text[start - 1] === '?' || text[start - 1] === '&' ? /(?:^|[-_])(?:sig|signature|key)$/i.test(name) : false
}

function reportValue(text: string, from: number, named: Named, add: AddSpan): number {
  let start = from
  if (COOKIE.test(named.name)) {
    const end = lineEnd(text, start)
    if (named.separator.trim() === ':' && !named.isQuoted && !isHarmless(text.slice(start, end).trim()))
      return reportSpan(start, end, add)
  }
  const block = matchAt(BLOCK, text, start)
  if (block !== undefined && named.separator.trim() === ':')
    return reportBlock(text, named.start, start + block.length, add)
  start += (matchAt(TYPE, text, start) ?? '').length
  start += ((matchAt(TRIPLE_QUOTE, text, start) ?? '').length * 2) / 3
  const quote = matchAt(QUOTE, text, start)
  if (quote !== undefined) start += quote.length
  const scheme = matchAt(SCHEME, text, start)
  const isHeader = /authorization$/i.test(named.name)
  if (scheme !== undefined && (isHeader || looksRandom(tokenAt(text, start + scheme.length)))) start += scheme.length
  if (quote !== undefined) {
    const end = quotedEnd(text, start, quote)
    const value = text.slice(start, end)
    return isSecretValue(value, named, true, text, end) ? reportSpan(start, end, add) : start
  }
  if (text[start] === '[' && /^\[\s{0,8}["']/.test(text.slice(start, start + 10)) && named.isQuoted)
    return reportList(text, start + 1, add)
  // The members of an object are searched by their own names.
  const token = tokenAt(text, start)
  // `Digest username="…", response="…"`: the header ends with the line, or with the quote before its name.
  if (isHeader && scheme !== undefined && /^[\w-]{1,32}=/.test(token)) {
    const before = text.charAt(named.start - 1)
    return reportSpan(start, /["']/.test(before) ? quotedEnd(text, start, before) : lineEnd(text, start), add)
  }
  if (/^[{[(]+(?:$|[\w.-]{1,64}[:=])/.test(token)) return start
  if (isHarmless(token) || matchAt(SUBSTITUTION, text, start) !== undefined) return Math.max(from, start)
  let end = start + unquotedLength(token, named)
  const value = text.slice(start, end)
  if (!isSecretValue(value, named, false, text, end)) return Math.max(from, start)
  if (value.length === MAX_TOKEN_LENGTH) end = tokenEnd(text, end)
  // A number in JSON needs quotes when it becomes a word.
  const isJsonNumber = named.isQuoted && named.separator.trim() === ':' && /^-?\d+(?:\.\d+)?$/.test(value)
  add(start, end, isJsonNumber)
  return end
}

function reportSetterValue(text: string, comma: number, add: AddSpan): number {
  const opening = matchAt(/,\s{0,8}["'`]/y, text, comma)
  if (opening === undefined) return comma
  const start = comma + opening.length
  const end = quotedEnd(text, start, opening.slice(-1))
  return isHarmless(text.slice(start, end)) ? start : reportSpan(start, end, add)
}

function reportElement(text: string, from: number, add: AddSpan): number {
  const start = from + (matchAt(/\s{0,16}<!\[CDATA\[/y, text, from) ?? '').length
  let end = start
  while (end < text.length && end - start < MAX_VALUE_LENGTH && text[end] !== '<') end++
  if (text[end + 1] !== '/') return start
  if (start > from && text.endsWith(']]>', end)) end -= 3
  return isHarmless(text.slice(start, end).trim()) ? start : reportSpan(start, end, add)
}

function reportList(text: string, from: number, add: AddSpan): number {
  let position = from
  for (;;) {
    const quote = matchAt(/[\s,]{0,32}["']/y, text, position)
    if (quote === undefined) return position
    const start = position + quote.length
    const end = quotedEnd(text, start, quote.slice(-1))
    if (!isHarmless(text.slice(start, end))) add(start, end)
    position = end + 1
  }
}

function reportArgument(text: string, from: number, dashes: number, add: AddSpan): number {
  const separator = matchAt(ARGUMENT_SEPARATOR, text, from)
  if (separator === undefined) return from
  let start = from + separator.length
  const quote = matchAt(QUOTE, text, start)
  if (quote !== undefined) {
    start += quote.length
    const end = quotedEnd(text, start, quote)
    return isHarmless(text.slice(start, end)) ? start : reportSpan(start, end, add)
  }
  const value = tokenAt(text, start)
  const isListed = separator.startsWith(',')
  // `--password  never prompt …`: a list of options has columns.
  const isColumn = /^[ \t]{2}/.test(separator)
  const plain = trimmedEnd(value, '.,;:!?)]')
  if ((isListed || isColumn) && !looksRandom(plain)) return start
  if (/^-{1,2}[a-zA-Z]/.test(value) || isHarmless(value) || SENTENCE.test(plain)) return start
  if (dashes === 0) return start
  return reportSpan(start, start + (isListed ? plain : trimmedEnd(value, '.,;:')).length, add)
}

/** `setx API_KEY "…"`, `aws configure set aws_secret_access_key …`. */
function reportSetting(text: string, from: number, add: AddSpan): number {
  const space = matchAt(/[ \t]{1,4}/y, text, from)
  if (space === undefined) return from
  let start = from + space.length
  const quote = matchAt(QUOTE, text, start)
  if (quote !== undefined) start += quote.length
  const end = quote === undefined ? start + tokenAt(text, start).length : quotedEnd(text, start, quote)
  const value = trimmedEnd(text.slice(start, end), '.,;:)]}')
  return value.length >= 6 && !/\s/.test(value) && looksRandom(value) ? reportSpan(start, end, add) : start
}

/** Reports the lines of a YAML block: those that are indented more than the name. */
function reportBlock(text: string, nameAt: number, from: number, add: AddSpan): number {
  const indentation = nameAt - (text.lastIndexOf('\n', nameAt) + 1)
  if (indentation > MAX_NAME_LENGTH) return from
  let [start, end, position] = [from, from, from]
  while (position < text.length) {
    const stop = lineEnd(text, position)
    const content = position + (matchAt(/[ \t]*/y, text, position) ?? '').length
    if (content < stop) {
      if (content - position <= indentation) break
      if (end === from) start = content
      end = stop
    }
    position = stop + (text.startsWith('\r\n', stop) ? 2 : 1)
  }
  return reportSpan(start, end, add)
}

const SENTENCE_NAME = /(?:^|[-_.])(?:password|passwd|passphrase|passcode|pwd|secret|token|api[-_]?key|pw)$/i

/** `the password is …`, `password "…" is wrong`, `using token …`. */
function reportSentence(text: string, from: number, name: string, add: AddSpan): number {
  const isCredential = /^(?:key|credentials?|creds|cookie|jwt)$/i.test(name) || SENTENCE_NAME.test(name)
  if (!isCredential) return from
  const verb = matchAt(/[ \t]{1,4}(?:(?:is|was|of|set to|changed to|equals?)[ \t]{1,4}:?[ \t]{0,4})/iy, text, from)
  const space = verb ?? matchAt(/[ \t]{1,4}/y, text, from)
  if (space === undefined) return from
  let start = from + space.length
  const quote = matchAt(QUOTE, text, start)
  if (quote !== undefined) start += quote.length
  const end = quote === undefined ? start + tokenAt(text, start).length : quotedEnd(text, start, quote)
  const value = quote === undefined ? trimmedEnd(text.slice(start, end), '.,;:!?)]}') : text.slice(start, end)
  // Another field follows: `method=password attempts=3`, or a place: `at Object.password (/app/auth.js:37:10)`.
  if (isHarmless(value) || text[start] === '(' || (quote === undefined && /^[\w.-]{1,64}=[^=]/.test(value)))
    return start
  const isPassword = /(?:password|passwd|passphrase|passcode|pwd|pw)$/i.test(name)
  if (verb !== undefined) {
    const isShown = quote !== undefined ? isPassword || looksRandom(value) : looksLikeSecret(value)
    if (!isShown || (/\s/.test(value) && !(isPassword && quote !== undefined)) || (!isPassword && isObjectName(value)))
      return start
    return reportSpan(start, start + value.length, add)
  }
  if (/\s/.test(value)) return start
  const isShown = isPassword
    ? looksLikeSecret(value)
    : value.length >= 12 && /\d/.test(value) && /[A-Z_]|\d\D+\d/.test(value)
  if (!isShown || (!isPassword && /[/]|-[a-z0-9]{5}$|^[a-z0-9]+(?:-[a-z0-9]+)+$/.test(value))) return start
  return reportSpan(start, start + value.length, add)
}

/** Returns whether a word has a digit among letters, or characters that words do not have. */
function looksLikeSecret(value: string): boolean {
  return value.length >= 5 && /[a-zA-Z]/.test(value) && /\d|[^\w'’.:()/-]/.test(value) && !isHarmless(value)
}

function reportSpan(start: number, end: number, add: AddSpan): number {
  add(start, end)
  return end
}
