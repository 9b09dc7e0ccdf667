import type { AddSpan, SecretFinder } from './secret-spans.ts'
import { isHarmless } from './secret-values.ts'

const USER_END = /[\s:/?#@"'`<>\\]/
const AUTHORITY_END = /[\s"'`<>]/
const MAX_AUTHORITY_LENGTH = 1024

/** Finds credentials in URLs. The user name is kept, since it helps to find the cause. */
export const findUrlCredentials: SecretFinder = (text, add) => {
  for (let at = text.indexOf('://'); at !== -1; at = text.indexOf('://', at + 3)) {
    const start = at + 3
    if (!/[a-z0-9+.-]/i.test(text.charAt(at - 1))) continue
    let userEnd = start
    while (userEnd < text.length && userEnd - start < MAX_AUTHORITY_LENGTH && !USER_END.test(text.charAt(userEnd)))
      userEnd++
    if (text[userEnd] === '@') reportUser(text, start, userEnd, add)
    else if (text[userEnd] === ':') reportPassword(text, userEnd + 1, add)
  }
}

function reportUser(text: string, start: number, end: number, add: AddSpan): void {
  const user = text.slice(start, end)
  if (user.length >= 16 && /\d|[a-z][A-Z]/.test(user) && !isHarmless(user)) add(start, end)
}

function reportPassword(text: string, start: number, add: AddSpan): void {
  let [slash, lastAt, lastAtBeforeSlash] = [-1, -1, -1]
  let end = start
  for (; end < text.length && end - start < MAX_AUTHORITY_LENGTH && !AUTHORITY_END.test(text.charAt(end)); end++) {
    const character = text[end]
    if (character === '/' && slash === -1) slash = end
    if (character === ':' && text.startsWith('://', end)) break
    if (character !== '@') continue
    lastAt = end
    if (slash === -1) lastAtBeforeSlash = end
  }
  const isPort = /^\d{1,5}$/.test(text.slice(start, slash === -1 ? end : slash).split(/[,;)]/)[0] ?? '')
  const passwordEnd = lastAtBeforeSlash === -1 && !isPort ? lastAt : lastAtBeforeSlash
  const password = text.slice(start, passwordEnd)
  if (
    passwordEnd > start &&
    !/^(?:\$\{[^}]*\}|\$\([^)]*\)|\$[A-Z_]+|[*x]+|\[redacted\]|\{\{.*\}\}|%s|<[^>]*>)$/.test(password)
  )
    add(start, passwordEnd)
}
