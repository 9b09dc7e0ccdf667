import { redactText } from './redact-secrets.ts'

/** Names of variables whose values are secret, whatever they look like. Short words count as words only. */
const SECRET_NAME =
  /pass|secret|token|key|credential|auth|dsn|connection|cookie|salt|private|cert|psk|jwt|signature|(?<![a-z0-9])(?:pwd|pw|pin)(?![a-z0-9])/i

/** A shell's working directory. */
const NO_SECRET = /^(?:OLD)?PWD$/

/** A password in a URL: up to the last `@` of its authority. */
const URL_PASSWORD = /:\/\/[^\s:/?#@]*:([^\s/]+)@/g

/**
 * A text without the secrets of the container that wrote it, and without what looks like one.
 *
 * @param environment its variables, as `NAME=value`
 */
export function redactSecrets(text: string, environment: readonly string[] = []): string {
  return redactText(text, environment.flatMap(secretsOf))
}

/** Returns the secrets in a variable: a program may write them without their name. */
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
