import { isIP } from 'node:net'
import { CLIENTS, type Client, PROGRAMS } from './clients.ts'
import type { SecretFinder } from './secret-spans.ts'
import { isHarmless } from './secret-values.ts'

const PROGRAM = new RegExp(
  `(?<![\\w.-])(?:${Object.keys(PROGRAMS)
    .sort((left, right) => right.length - left.length)
    .join('|')})(?:\\.exe)?(?=[\\s"',])`,
  'g',
)

/** Words of a command that are searched, and their length in all. */
const MAX_COMMAND_LENGTH = 4096

const SEPARATOR = /(?:[ \t]|\\?["'],?[ \t]{0,4}(?:\\?["'])?|,[ \t]{0,4}|\\\r?\n|\0){1,8}/y
const COMMAND_END = /[\n\r;|]/

/** Finds arguments of well-known clients that are secret: `mysql -p…`, `curl -u user:…`, `redis-cli -a …`. */
export const findClientArguments: SecretFinder = (text, add) => {
  PROGRAM.lastIndex = 0
  for (let match = PROGRAM.exec(text); match !== null; match = PROGRAM.exec(text)) {
    const client = CLIENTS[PROGRAMS[match[0].replace(/\.exe$/, '')] ?? '']
    if (client !== undefined) PROGRAM.lastIndex = searchCommand(text, PROGRAM.lastIndex, client, add)
  }
}

function searchCommand(text: string, from: number, client: Client, add: Parameters<SecretFinder>[1]): number {
  const limit = Math.min(text.length, from + MAX_COMMAND_LENGTH)
  let position = from
  while (position < limit) {
    SEPARATOR.lastIndex = position
    const separator = SEPARATOR.exec(text)?.[0]
    if (separator === undefined) return position
    position += separator.length
    if (position >= limit || COMMAND_END.test(text.charAt(position))) return position
    const found = positionalSecret(text, position, client)
    if (found !== undefined) {
      add(...found)
      position = found[1]
      continue
    }
    const end = wordEnd(text, position, limit)
    const isMeant = client.only?.test(text.slice(from, position)) ?? true
    const argument = isMeant ? argumentOf(text, position, end, limit, client) : undefined
    if (argument !== undefined && !isHarmlessArgument(text.slice(...argument))) add(...argument)
    position = Math.max(end, argument?.[1] ?? end)
  }
  return position
}

function positionalSecret(text: string, at: number, { positional }: Client): [number, number] | undefined {
  if (positional === undefined) return undefined
  positional.lastIndex = at
  const match = positional.exec(text)
  const secret = match?.[1]
  if (match === null || secret === undefined || isHarmless(secret)) return undefined
  const end = at + match[0].length
  return [end - secret.length, end]
}

function argumentOf(
  text: string,
  start: number,
  end: number,
  limit: number,
  { attached, separate, withUser }: Client,
): [number, number] | undefined {
  const option = optionEnd(attached, text, start)
  if (option !== undefined) {
    const from = text[option] === '=' ? option + 1 : option
    if (from < end) return unquoted(text, from, end)
    // Without an argument, the program asks for it: another option or a sentence may follow.
    return attached?.source === '-p' && text.slice(start - 64, start).includes('mysql')
      ? undefined
      : nextWord(text, end, limit)
  }
  const word = optionEnd(separate, text, start)
  if (word !== undefined) {
    if (word === end) return nextWord(text, end, limit)
    return text[word] === '=' ? unquoted(text, word + 1, end) : undefined
  }
  const user = optionEnd(withUser, text, start)
  if (user === undefined) return undefined
  const isLong = text.startsWith('--', start)
  if (user < end && isLong && text[user] !== '=') return undefined
  const credentials =
    user === end ? nextWord(text, end, limit) : unquoted(text, text[user] === '=' ? user + 1 : user, end)
  if (credentials === undefined) return undefined
  const colon = text.slice(...credentials).search(/[:%,]/)
  return colon === -1 ? undefined : [credentials[0] + colon + 1, credentials[1]]
}

function optionEnd(option: RegExp | undefined, text: string, at: number): number | undefined {
  if (option === undefined) return undefined
  option.lastIndex = at
  const match = option.exec(text)
  return match === null ? undefined : at + match[0].length
}

function nextWord(text: string, from: number, limit: number): [number, number] | undefined {
  SEPARATOR.lastIndex = from
  const separator = SEPARATOR.exec(text)?.[0]
  if (separator === undefined) return undefined
  const start = from + separator.length
  if (start >= limit || text[start] === '-') return undefined
  return unquoted(text, start, wordEnd(text, start, limit))
}

/** A word ends at a space, unless it is quoted. */
function wordEnd(text: string, start: number, limit: number): number {
  const quote =
    /["']/.exec(text.charAt(start))?.[0] ?? (/["']/.test(text.charAt(start - 1)) ? text[start - 1] : undefined)
  for (let end = start + 1; end < limit; end++) {
    const character = text.charAt(end)
    if (COMMAND_END.test(character) && character !== ';' && character !== '|') return end
    if (
      quote === undefined
        ? /[\s"'\0]/.test(character) &&
          !(/["']/.test(character) && /[=a-zA-Z]/.test(text.charAt(end - 1)) && end - start <= 3)
        : character === quote
    )
      return end
  }
  return limit
}

function unquoted(text: string, start: number, end: number): [number, number] {
  let [from, to] = [start, end]
  if (/["']/.test(text.charAt(from))) {
    from++
    // The closing quote of an argument such as `-p"…"`.
    const close = text.indexOf(text.charAt(from - 1), from)
    to = close === -1 || close - from > MAX_COMMAND_LENGTH ? to : close
  }
  while (to > from && /["',]/.test(text.charAt(to - 1))) to--
  return [from, to]
}

/** `8080`, `80:8080`, `127.0.0.1:80-90:80-90/tcp`, `[::1]:80:80`. */
const PUBLISHED_PORT =
  /^(?:(?:\[[\da-f:.]{2,45}\]|(?:\d{1,3}\.){3}\d{1,3}):)?(?:(?:\d{1,5}(?:-\d{1,5})?)?:)?\d{1,5}(?:-\d{1,5})?(?:\/(?:tcp|udp))?$/

/** Ports, users and words after an option that other programs use otherwise: `docker run -p 80:80`. */
function isHarmlessArgument(value: string): boolean {
  return (
    isHarmless(value) ||
    PUBLISHED_PORT.test(value) ||
    isIP(value) !== 0 ||
    /^(?:stdin|env:\w+|file:\S+|fd:\d+)$/.test(value)
  )
}
