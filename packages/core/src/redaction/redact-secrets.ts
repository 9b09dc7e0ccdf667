import { redactSecretPatterns } from './secret-patterns.ts'

/** Names of variables with secret values. `pwd`, `pw` and `pin` must be whole words. */
const SECRET_NAME =
  /pass|secret|token|key|credential|auth|dsn|connection|cookie|salt|private|cert|psk|jwt|signature|(?<![a-z0-9])(?:pwd|pw|pin)(?![a-z0-9])/i

const WORKING_DIRECTORY = /^(?:OLD)?PWD$/

/** A password in a URL: up to the last `@` of its authority. */
const URL_PASSWORD = /:\/\/[^\s:/?#@]*:([^\s/]+)@/g

/**
 * Redacts a container's output: the secrets in its environment, and text that looks like a secret.
 *
 * @param environment the container's environment variables, as `NAME=value`
 */
export function redactSecrets(text: string, environment: readonly string[] = []): string {
  return redactSecretPatterns(text, environment.flatMap(secretsOf))
}

/** Returns the secrets in a variable, which a program may print without the variable's name. */
function secretsOf(variable: string): string[] {
  const at = variable.indexOf('=')
  if (at === -1) return []
  const [name, value] = [variable.slice(0, at), variable.slice(at + 1)]
  const passwords = [...value.matchAll(URL_PASSWORD)].flatMap(([, password = '']) => [password, decoded(password)])
  return SECRET_NAME.test(name) && !WORKING_DIRECTORY.test(name) ? [value, ...passwords] : passwords
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
