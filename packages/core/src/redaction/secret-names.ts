/** Part of every secret name: cheap to search for. */
export const SECRET_WORD =
  /pass|pwd|pw|secret|token|key|cred|auth|cookie|dsn|psk|pin|otp|jwt|sig|salt|session|sid|connection|conn[_-]?str|sas|bearer|community|ticket|nonce|webhook|code|geheim|contrase|mot_de_passe/i

/** Words that make a name secret by themselves. */
const SECRET_WORDS = new Set(
  'password passwd passwort passphrase passcode passwrd passw pass pwd pw pswd psk secret token apikey apitoken authtoken accesstoken refreshtoken idtoken credential credentials cred creds authorization cookie jwt dsn sessionid sessionkey privatekey secretkey accesskey authkey encryptionkey signingkey masterkey accountkey sharedkey licensekey requirepass masterauth userpass storepass keypass rootpass dbpass dbpassword userpassword pgpassword mysqlpwd clientsecret appsecret otp totp mfa bearer signature sharedaccesssignature connectionstring connstr authtok rootpw rootpwd bindpw adminpw geheimnis contrasena'.split(
    ' ',
  ),
)

/** Words before `key` (`api_key`) or other words that are harmless alone. */
const KEY_KINDS = new Set(
  'api app application function functions access account admin auth client consumer decryption deploy encryption enc host integration sdk bot license licence live master private priv project rsa ssh tls secret server service session shared signing sign unseal recovery sas storage stripe subscription sendgrid mailgun datadog dd newrelic openai anthropic webhook write read hmac aes des wireguard wg preshared role ingest agent azure aws gcp google github gitlab cookie jwt fastly'.split(
    ' ',
  ),
)

/** Words after a secret word that turn its value into a description: `token_ttl`, `secretName`, `password_file`. */
const DESCRIPTIONS = new Set(
  'file files filename path paths dir directory name names count counts length len size min max minlength maxlength ttl expiry expires expired expire expiration exp age type types kind policy policies url uri endpoint host port enabled enable disabled required optional limit limits issuer audience algorithm algo alg ref refs reference provider timeout interval header headers prefix suffix rotation rotated index usage used class mode format status state store storage lookup validation version scope scopes method strategy attempts attempt retries failures failed errors changed created updated at reset resets bits strength history cost rounds iterations manager generator service server source domain samesite secure mount volume request requests review reviews response handler controller cache hits misses budget tokens rate per latency duration seconds ms bytes fingerprint plugin plugins label selector namespace location id_only position offset needed sent mapping'.split(
    ' ',
  ),
)

/** Names of files, after which a line number follows. */
const FILE_NAME =
  /\.(?:[cm]?[jt]sx?|py|java|go|rb|php|c|cc|cpp|h|json|ya?ml|conf|cfg|ini|toml|txt|sh|html?|css|cs|rs|kt|xml|log|sql|pem|crt|so|lua|vue|d)$/

/** Directives of systemd, and values of charts that name a Secret. */
const NO_SECRET = /^(?:(?:Load|Import)Credential(?:Encrypted)?|PassEnvironment)$|(?:^|\.)existing_?Secret$/i

const known = new Map<string, boolean>()
const MAX_KNOWN = 2_000

/** Returns whether the value of a variable, option, field, header or flag of this name is a secret. */
export function isSecretName(name: string): boolean {
  const cached = known.get(name)
  if (cached !== undefined) return cached
  const isSecret = classify(name)
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(name, isSecret)
  return isSecret
}

/** Splits `dbPassword`, `DB_PASSWORD`, `spring.datasource.password` and `x-api-key` into words of lower case. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}

function classify(name: string): boolean {
  if (FILE_NAME.test(name)) return false
  if (NO_SECRET.test(name)) return false
  const words = wordsOf(name)
  const last = words.at(-1) ?? ''
  if (DESCRIPTIONS.has(last)) return false
  for (const [at, word] of words.entries()) {
    const plain = word.replace(/\d+$/, '')
    const isLast = at >= words.length - 1
    const rest = words.slice(at + 1)
    if (SECRET_WORDS.has(plain)) return isNamedPart(name, plain, isLast, rest)
    if (plain === 'key' && KEY_KINDS.has(words[at - 1] ?? '')) {
      const isPublicId = rest[0] === 'id' && words[at - 1] !== 'access'
      return !isPublicId && isNamedPart(name, plain, isLast, rest)
    }
    if (plain === 'id' && (words[at - 1] === 'session' || words[at - 1] === 'sess')) return isLast
    if (plain === 'string' && words[at - 1] === 'connection') return true
    if (plain.length > 8 && /(?:password|passwd|passphrase|apikey|secret|token)$/.test(plain)) return isLast
  }
  return false
}

/**
 * Returns whether a secret word still means a secret with the words that follow it: `PASSWORD_PROD` does, names of
 * objects such as `default-token-fj9m8` and `db-password-rotation-job` do not.
 */
function isNamedPart(name: string, word: string, isLast: boolean, rest: readonly string[]): boolean {
  if (isLast) return true
  if (word === 'pass' || word === 'pw') return rest.length === 1 && /[_.]|[a-z][A-Z]/.test(name)
  return rest.length <= 3 && !/-[a-z0-9]{5}$/.test(name)
}
