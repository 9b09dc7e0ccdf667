import { isSecretName } from './secret-names.ts'
import { createSecretRedaction, type SecretRedaction } from './secret-patterns.ts'

/** Names of variables with secret values. `pwd`, `pw` and `pin` must be whole words. */
const SECRET_NAME =
  /pass|secret|token|key|credential|auth|dsn|connection|cookie|salt|private|cert|psk|jwt|signature|webhook|(?<![a-z0-9])(?:pwd|pw|pin|sig|sas|otp)(?![a-z0-9])/i

const WORKING_DIRECTORY = /^(?:OLD)?PWD$/

/** A password in a URL: up to the last `@` of its authority. */
const URL_PASSWORD = /:\/\/[^\s:/?#@]*:([^\s/]+)@/g

/** A setting within a variable, as in a connection string. */
const SETTING = /(?:^|[;&?\s])([\w .-]{1,64}?)=([^;&\s]+)/g

/** Redactions by the environment of an object, which is kept as long as the object does not change. */
const redactions = new WeakMap<readonly string[], SecretRedaction>()

const NO_ENVIRONMENT: readonly string[] = []

/**
 * Redacts a text of or about a container: the secrets in its environment, and text that looks like a secret.
 *
 * @param environment the container's environment variables, as `NAME=value`
 */
export function redactSecrets(text: string, environment: readonly string[] = NO_ENVIRONMENT): string {
  let redact = redactions.get(environment)
  if (redact === undefined) {
    redact = createSecretRedaction(environment.flatMap(secretsOf))
    redactions.set(environment, redact)
  }
  return redact(text)
}

/** Returns the secrets in a variable, which a program may print without the variable's name. */
function secretsOf(variable: string): string[] {
  const at = variable.indexOf('=')
  if (at === -1) return []
  const [name, value] = [variable.slice(0, at), variable.slice(at + 1)]
  const passwords = [...value.matchAll(URL_PASSWORD)].flatMap(([, password = '']) => [password, decoded(password)])
  const settings = [...value.matchAll(SETTING)].flatMap(([, setting = '', part = '']) =>
    isSecretName(setting.trim()) ? [part] : [],
  )
  const parts = [...passwords, ...settings]
  return SECRET_NAME.test(name) && !WORKING_DIRECTORY.test(name) ? [value, ...parts] : parts
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
