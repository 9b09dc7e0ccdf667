import { trimmedEnd } from './text-scanning.ts'

/** Values that programs print in place of a secret, or that describe one. */
const STATUS =
  /^(?:true|false|yes|no|on|off|y|n|null|none|nil|undefined|empty|blank|unset|set|not|missing|expired|expires|invalid|valid|required|revoked|unknown|ok|okay|fail|failed|failure|failing|denied|mismatch|rejected|refused|changed|updated|rotated|present|absent|password|secret|token|credentials|key|redacted|masked|hidden|filtered|removed|omitted|sensitive|encrypted|protected|default|optional|enabled|disabled|success|successful|succeeded|error|incorrect|wrong|bad|unexpected|unauthorized|unauthenticated|forbidden|authenticated|accepted|malformed|corrupt|string|str|text|bytes?|int|integer|bool|boolean|object|array|any|prompt|stdin|env|file|plain|plaintext|simple|basic|bearer|digest|negotiate|ntlm|kerberos|md5|scram|scram-sha-256|sha1|sha256|sha384|sha512|cram-md5|digest-md5|scram-sha-1|xoauth2|gssapi|login|trust|peer|ident|ldap|oauth2?|saml|oidc|rsa|ecdsa|ed25519|hs256|rs256|es256|active|inactive|created|deleted|generated|loaded|found|pending|ready|verified|used|stale|outdated|unused|pass|passed|skip|skipped|done|complete|completed)$/i

/** References to secrets: `$(DB_PASSWORD)`, `${DB_PASSWORD}`, `$DB_PASSWORD`, `{{ .Values.x }}`, `%s`, `<password>`. */
const REFERENCE =
  /^(?:\$\([\w.-]*\)|\$\{[^}]*\}|\$[A-Za-z_]\w*|\$\d{1,3}|%[A-Z_]{3,}%|%[svdq]|%\+?v|\{\{.*|\{[\w.]*\}|<[^>]*>?|@\w+@|:\w+|\?)$/s

const MASK = /^(?:[*x•.#]{2,}|X{3,}|-{2,}|\[[\w ]*\]|\(.*\))$/

const NUMBER = /^-?\d{1,3}$|^\d+(?:[.,]\d+)?(?:ns|us|µs|ms|s|m|h|d|w|%|[kmgt]i?b?|\/\d+)$/i

const PATH = /^(?:\.{0,2}|~|[A-Za-z]:)(?:[\\/][a-z0-9._@-]+){2,}[\\/]?$/

const URL = /^[a-z][a-z0-9+.-]{1,20}:\/\//i

const WORKING_DIRECTORY = /^(?:old)?pwd$/i

/** Returns whether a variable is the working directory of a shell. */
export function isWorkingDirectory(name: string, value: string): boolean {
  return WORKING_DIRECTORY.test(name) && /^(?:[/~.]|[A-Za-z]:[\\/])/.test(value)
}

const CALL =
  /^[A-Za-z_][\w.]*\((?:[^)]*\))?$|^(?:process\.env|os\.environ|config|settings|env|options|req|self|this)[.[]/

const DIGEST = /^sha(?:1|256|512):[0-9a-f]{7,128}$/

const MAX_HARMLESS_LENGTH = 4_096

/** Returns whether a value says something about a secret and is not one. */
export function isHarmless(value: string): boolean {
  if (value.length > MAX_HARMLESS_LENGTH) return false
  const plain = trimmedEnd(value, '.,;:!?)]}')
  return (
    plain === '' ||
    STATUS.test(plain) ||
    REFERENCE.test(value) ||
    MASK.test(value) ||
    NUMBER.test(plain) ||
    PATH.test(plain) ||
    URL.test(value) ||
    CALL.test(value) ||
    DIGEST.test(plain)
  )
}

/** Returns whether a text looks random: no word of a sentence. */
export function looksRandom(value: string): boolean {
  return value.length >= 4 && /\d|[^\w'’.-]|[a-z][A-Z]/.test(value) && !isHarmless(value)
}

/** Returns whether a text is the name of an object: `creds`, `shop/creds`, `my-app-tls`. */
export function isObjectName(value: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*$/.test(value) ||
    /^[a-z]+$/.test(value) ||
    /^[a-z0-9-]+-(?:tls|secrets?|creds|credentials|certs?|ca|auth|configs?|keys?|env|pull|registry|token(?:-[a-z0-9]{5})?)$/.test(
      value,
    )
  )
}
