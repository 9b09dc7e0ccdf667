import type { AddSpan, SecretFinder } from './secret-spans.ts'
import { isHarmless, looksRandom } from './secret-values.ts'
import { SETTING_SHAPES } from './setting-shapes.ts'
import { notHarmless, type Shape, shape } from './shape.ts'
import { trimmedEnd } from './text-scanning.ts'

/** Secrets by their own form: every repetition is bounded, or excludes the text that follows it. */
const SHAPES: readonly Shape[] = [
  ...SETTING_SHAPES,
  // Headers with a scheme, and credentials.
  shape(
    /bearer|basic|negotiate|digest|ntlm/i,
    /\b(?:bearer|basic|negotiate|ntlm)[ \t]{1,8}([\w.~+/=-]{6,8192})/i,
    (value) =>
      /[^a-z]/i.test(trimmedEnd(value, '.-')) && !/^(?:[a-z]+-?[\d.]{0,4}|\w+=)$/.test(value) && !isHarmless(value),
  ),
  // JSON Web Tokens.
  shape(/eyJ/, /(?<![\w-])eyJ[\w-]{8,8192}\.[\w-]{4,8192}(?:\.[\w-]{0,8192})?/),
  // Tokens of well-known services, by their prefix.
  shape(/A[KSRIB]I?[IOD]?A|A3T/, /\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b/),
  // A secret access key of AWS, after its public id.
  shape(
    /AKIA|ASIA/,
    /\bA[KS]IA[A-Z0-9]{16}\b(?:[^\w\n][^\n]{0,63})?(?<![\w/+=])([\w/+]{40})(?![\w/+=])/,
    (value) => /[a-z]/.test(value) && /[A-Z]/.test(value) && /\d/.test(value),
  ),
  shape(/gh[pousr]_|github_pat_/, /\b(?:gh[pousr]_\w{20,255}|github_pat_\w{20,255})/),
  shape(
    /gl[a-z]{2,6}-|glsa_|glc_/,
    /\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct|rtr)-[\w.-]{16,255}|\bgl(?:sa|c)_[\w=+/]{20,512}/,
  ),
  shape(/xox|xapp-|xwfp-/, /\b(?:xox[a-z](?:\.xox[a-z])?|xapp|xwfp)-[\w-]{10,512}/),
  shape(
    /sk|pk|rk|whsec/,
    /\b(?:sk|pk|rk)[_-](?:live|test|proj|ant|or|svcacct|admin|prod)[_-][\w-]{8,255}|\bsk-[\w-]{20,255}|\bwhsec_[\w+/=]{16,128}/,
  ),
  shape(
    /AIza|ya29|GOCSPX|1\/\//,
    /\bAIza[\w-]{30,64}|\bya29\.[\w-]{20,1024}|\bGOCSPX-[\w-]{20,64}|\b1\/\/0[\w-]{30,256}/,
  ),
  shape(
    /SG\.|key-|xkeysib/,
    /\bSG\.[\w-]{10,64}\.[\w-]{10,128}|\bkey-[0-9a-f]{32}\b|\bxkeysib-[0-9a-f]{32,80}-\w{8,32}/,
  ),
  shape(
    /npm_|pypi-|rubygems_|dckr_|hf_|gsk_|shp|dop_|doo_|dor_|sntry|sbp_|lin_api|ntn_|fio-|fig[do]_|tfp_|pul-|PMAK|NRAK|dapi|lsv2|pplx|tskey|r8_|nvapi|cfut|rnd_|oy2|sq0|EAA|ATATT|ATCTT|ATBB|atlasv1|secret_|duffel|ops_|FlyV1|fm[12]_|sl\.|ghu|pscale|cio|patp|_pat_|vc[pkair]_/,
    /\b(?:npm_\w{20,255}|pypi-[\w-]{50,512}|rubygems_[0-9a-f]{48}|dckr_(?:pat|oat)_[\w-]{20,64}|hf_\w{20,64}|gsk_\w{20,128}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|do[opr]_v1_[0-9a-f]{64}|sntry[su]_[\w=+/-]{20,512}|sbp_[0-9a-f]{40}|lin_api_\w{30,64}|ntn_\w{30,64}|fig[do]_[\w-]{30,64}|tfp_\w{30,80}|pul-[0-9a-f]{40}|PMAK-[0-9a-f]{20,30}-[0-9a-f]{30,40}|NRAK-[A-Z0-9]{20,40}|dapi[0-9a-f]{32}(?:-\d)?|lsv2_(?:pt|sk)_\w{30,80}|pplx-\w{30,80}|tskey-[a-z]+-[\w-]{12,80}|r8_\w{30,64}|nvapi-[\w-]{40,100}|rnd_\w{20,64}|oy2[a-z0-9]{43}|sq0(?:csp|atp)-[\w-]{20,64}|EAA[A-Za-z0-9]{40,255}|AT[AC]TT3[\w=-]{40,255}|ATBB\w{24,64}|[\w]{14}\.atlasv1\.[\w-]{50,80}|secret_\w{40,50}|duffel_(?:test|live)_[\w-]{30,60}|ops_eyJ[\w-]{40,1024}|fm[12]_[\w+/=]{40,1024}|pscale_(?:tkn|pw|oauth)_[\w.-]{20,64}|vc[pkair]_\w{20,64})/,
  ),
  shape(
    /hv[sbr]\.|SWMTKN|AGE-SECRET|ops_|s\./,
    /\bhv[sbr]\.[\w-]{20,255}|\bSWMTKN-1-[\w-]{20,255}|\bAGE-SECRET-KEY-1[A-Z0-9]{20,80}|\bs\.(?=\w{0,23}\d)(?=\w{0,23}[A-Z])\w{24}\b/,
  ),
  shape(/K10[0-9a-f]/, /\bK10[0-9a-f]{64}::[\w:.-]{4,255}/),
  shape(/agent|access_/, /\bagent_[\w-]{1,128}_[\w-]{43}\b|\b(?:agentkey|access)_[\w-]{43}/),
  shape(/\d:AA/, /\b\d{8,10}:AA[\w-]{32,34}\b/),
  shape(/[MNO][\w-]{23,25}\./, /\b[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,40}/),
  // Addresses that need no further credentials.
  shape(
    /hooks|webhook|\/bot|IFTTT|workflows/i,
    /\bhooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/([\w/-]{8,256})/i,
  ),
  shape(/webhook/i, /\bdiscord(?:app)?\.com\/api\/(?:v\d{1,2}\/)?webhooks\/\d{1,24}\/([\w-]{8,256})/i),
  shape(
    /webhook/i,
    /\b(?:[\w-]{1,64}\.webhook\.office\.com|outlook\.office(?:365)?\.com)\/webhook(?:b2)?\/([\w@/.-]{8,512})/i,
  ),
  shape(/hooks/i, /\bhooks\.zapier\.com\/hooks\/(?:catch|standard)\/([\w/-]{4,256})/i),
  shape(/ifttt/i, /\bmaker\.ifttt\.com\/trigger\/[\w-]{1,128}(?:\/json)?\/with\/key\/([\w-]{8,128})/i),
  shape(/\/bot/i, /\/bot(\d{6,12}:[\w-]{16,64})/),
  shape(
    /hook/i,
    /\/(?:open-apis\/bot\/v2\/hook|api\/v\d\/integrations?\/webhooks?|hooks)\/([\w-]{16,128})(?![\w-])/i,
    (value) => /\d/.test(value) && /[a-z]/i.test(value),
  ),
  shape(
    /opsgenie|pagerduty|betterstack|hc-ping/i,
    /\b(?:events\.pagerduty\.com\/integration|uptime\.betterstack\.com\/api\/v\d\/heartbeat|api\.opsgenie\.com\/v\d\/json\/\w{1,32}|hc-ping\.com)\/([\w-]{16,64})/i,
  ),
  // Hashes of passwords.
  shape(
    /\$/,
    /\$(?:[156y]|2[abxy]?|7|apr1|argon2(?:i|d|id)|scrypt|pbkdf2(?:-sha\d{1,3})?|bcrypt-sha256)\$[\w./$=,+-]{16,512}/,
  ),
  shape(
    /SCRAM-SHA|\{S{0,1}SHA/,
    /\bSCRAM-SHA-(?:1|256)\$\d{1,8}:[\w+/=]{8,128}\$[\w+/=]{8,128}:[\w+/=]{8,128}|\{S?SHA(?:256|512)?\}[\w+/=]{20,256}/,
  ),
  shape(/md5[0-9a-f]{32}/, /\bmd5[0-9a-f]{32}\b/),
  // SQL.
  shape(
    /identified|password/i,
    /\bidentified[ \t]{1,8}(?:with[ \t]{1,8}["'\w]{1,64}[ \t]{1,8})?(?:by|as)[ \t]{1,8}(?:password[ \t]{1,8})?(?:'((?:[^'\n\\]|\\.){1,4096})'?)/i,
    notHarmless,
  ),
  shape(
    /identified/i,
    /\bidentified[ \t]{1,8}(?:with[ \t]{1,8}["'\w]{1,64}[ \t]{1,8})?(?:by|as)[ \t]{1,8}(?:password[ \t]{1,8})?(?:"((?:[^"\n\\]|\\.){1,4096})"?)/i,
    notHarmless,
  ),
  shape(
    /identified/i,
    /\b(?:create|alter)[ \t]{1,8}(?:user|role)[ \t]{1,8}\S{1,128}[ \t]{1,8}identified[ \t]{1,8}by[ \t]{1,8}(?!['"]|password\b)([^\s;'"]{1,512})/i,
    notHarmless,
  ),
  shape(/identified/i, /\bidentified[ \t]{1,8}by[ \t]{1,8}(?!['"]|password\b)([^\s;'"]{1,512})/i, looksRandom),
  shape(/IDENTIFIED/, /\bIDENTIFIED[ \t]{1,8}BY[ \t]{1,8}(?!['"]|PASSWORD\b)([^\s;'"]{1,512})/, notHarmless),
  shape(/SECRET/, /\bSECRET[ \t]{1,8}'([^'\n]{6,512})'/, looksRandom),
  shape(
    /set password/i,
    /\bset[ \t]{1,8}password[ \t]{1,8}for[ \t]{1,8}\S{1,256}[ \t]{0,8}(?:=|to)[ \t]{0,8}["']([^"'\n]{1,4096})/i,
    notHarmless,
  ),
  shape(
    /password/i,
    /\b(?:encrypted[ \t]{1,8}|with[ \t]{1,8}|login[ \t]{1,8}|user[ \t]{1,8}\S{1,64}[ \t]{1,8}|role[ \t]{1,8}\S{1,64}[ \t]{1,8}|superuser[ \t]{1,8})password[ \t]{1,8}'((?:[^'\n\\]|\\.|''){1,4096})'?/i,
    notHarmless,
  ),
  shape(
    /password|pgp_sym|aes_/i,
    /\b(?:(?:old_)?password|aes_(?:en|de)crypt|pgp_sym_(?:en|de)crypt|crypt)[ \t]{0,4}\([^)'"\n]{0,128}['"]([^'"\n]{1,4096})['"]/i,
    notHarmless,
  ),
  // Files of clients: `.netrc`, `.pgpass`, `chpasswd`.
  // Commands in the errors of container runtimes: only the name of the program is kept.
  shape(/exec: \\?"/, /\bexec: \\?"[^"\\\s]{1,4096}\s((?:[^"\\]|\\[^"]){1,8192})/),
  shape(
    /\bstat |exec /,
    /\b(?:stat|fork\/exec|exec) \/[^\s:"]{1,4096} ([^"]{1,4096}?): (?:no such file|permission denied|exec format|not a directory|is a directory|file name too long|argument list too long)/,
  ),
  // Settings and commands of servers without a separator.
  shape(
    /config set/i,
    /\bconfig[ \t]{1,8}set[ \t]{1,8}(?:requirepass|masterauth)[ \t]{1,8}["']?([^\s"']{1,512})/i,
    notHarmless,
  ),
  shape(
    /requirepass|masterauth|bindpw|root(?:dn)?pw|wpa-psk/i,
    /\b(?:requirepass|masterauth|bindpw|rootpw|rootdnpw|wpa-psk)["']?[ \t]{1,16}["']?([^\s"']{1,512})/i,
    (value) => /[^a-z]/i.test(value) && notHarmless(value),
  ),
  shape(
    /AUTH/,
    /(?:^|[\s"'>])AUTH[ \t]{1,4}(?:[a-zA-Z_.-]{1,64}[ \t]{1,4})?["']?([^\s"']{6,512})/m,
    (value) => /\d/.test(value) && looksRandom(value),
  ),
  shape(/token (?:create|delete)/, /\btoken (?:create|delete) ([a-z0-9]{6}\.[a-z0-9]{16})\b/),
  // Sentences that end with the secret, such as `password for admin is …`, and keys with a number or a verb.
  shape(
    /pass(?:word|phrase)\b/i,
    /\bpass(?:word|phrase)\b(?:(?! (?:file|hash|algorithm|policy))[^:=\n"'({[]){1,80}(?::|[ \t]is)[ \t]{1,4}([^\s"'`()]{6,256}?)\.?[ \t]{0,4}$/im,
    (value) => isShown(value) && !ALGORITHM.test(value),
  ),
  // A line that ends with a colon, and the secret alone on the next one.
  shape(
    /\b(?:password|passphrase|token|key)\b/i,
    /\b(?:password|passphrase|token|key)\b(?:(?! (?:file|hash|algorithm|policy))[^:=\n"'({[]){0,80}:[ \t]{0,4}(?:\r?\n[ \t]{0,8}){1,3}([^\s"'`()]{8,256})[ \t]{0,4}$/im,
    (value) => isShown(value) && !/[:,;]|^[\w.-]+=[^=]/.test(value),
  ),
  shape(
    /securestring/i,
    /\bConvertTo-SecureString[ \t]{1,4}(?:-\w{1,16}[ \t]{1,4}){0,3}["']([^"'\n]{1,512})["']/i,
    notHarmless,
  ),
  shape(
    /\bkey/i,
    /\b(?:unseal|recovery|api|access|secret|license|encryption|master) key(?: \d{1,2})?(?: is|:)[ \t]{1,4}["']?([\w+/=.-]{12,256})/i,
    (value) => /\d/.test(value) && looksRandom(value),
  ),
  // Secrets that a shell hands to a client.
  shape(
    /echo|printf/,
    /\b(?:echo|printf)[ \t]{1,4}(?:-\w[ \t])?(?:["']?%s(?:\\n)?["']?[ \t]{1,4})?["']?([^\s"'|]{1,256})["']?[ \t]{0,4}\|[^\n|]{0,128}(?:stdin|passwd\b|sudo -S|vault login|--with-token|kinit|cryptsetup|ssh-add|gpg\b[^\n|]{0,64}passphrase)/,
    notHarmless,
  ),
  shape(
    /<<</,
    /\b(?:(?:vault|docker|podman|auth) login|op signin|passwd|chpasswd|smbpasswd|cryptsetup|kinit|sudo|gpg|ssh-add|openssl)\b[^\n<]{0,128}<<<[ \t]{0,4}["']?([^\s"'$]{4,512})/,
    notHarmless,
  ),
  shape(
    /secrets? set|config:set/,
    /\b(?:doppler|fly|flyctl|infisical|wrangler|supabase|gh)[ \t]{1,4}secrets?[ \t]{1,4}set[ \t]{1,4}(?:-{1,2}[\w-]{1,32}[ \t]{1,4}){0,4}\w{1,128}=((?:[^\s"'=]{1,512}[ \t]{1,4}\w{1,128}=){0,16}[^\s"']{1,512})/,
    notHarmless,
  ),
  shape(
    /(?:auth|userpass|creds|login)[= ]/,
    /--(?:\w{1,16}-)?(?:basic-?auth|auth|userpass|creds|login)(?:=|[ \t]{1,4})["']?[\w.@-]{1,128}:([^\s"':]{3,256})(?=$|[\s"',])/m,
    notHarmless,
  ),
  shape(/login/, /\blogin[ \t]{1,8}\S{1,128}\s{1,8}password[ \t]{1,8}(\S{1,512})/, notHarmless),
  shape(
    /[\w*]:(?:\d{2,5}|\*):[\w*-]{1,64}:/,
    /:(?=(?:\d{2,5}|\*):)(?<=(?:^|[\s"'])[\w.*-]{1,128}:)(?:\d{2,5}|\*):[\w*-]{1,64}:[\w.-]{1,64}:([^\s"':]{4,512})(?=$|[\s"'])/m,
    looksRandom,
  ),
  shape(/:thin:/, /:thin:[\w.-]{1,64}\/([^\s@/"']{1,256})@/),
  // Oracle, and the data source names of Go's MySQL driver.
  shape(/@(?:tcp|unix|udp)\(/, /(?:^|[^\w.-])[\w.-]{1,64}:([^\s:/"'][^\s/"']{0,256})@(?:tcp|unix|udp)\(/, notHarmless),
  shape(
    /sqlplus|expdp|impdp|sqlldr/i,
    /\b(?:sqlplus|expdp|impdp|sqlldr)[ \t]{1,4}(?:-\w[ \t]{1,4}){0,4}(?:userid=)?["']?[\w.-]{1,64}\/([^\s@/"'.]{1,256})(?=[\s"']|$)/im,
    notHarmless,
  ),
  shape(
    /\bdb2\b/i,
    /\bdb2[ \t][^\n]{0,128}\buser[ \t]{1,4}\S{1,64}[ \t]{1,4}using[ \t]{1,4}([^\s"';]{1,256})/i,
    notHarmless,
  ),
  shape(/authtoken/, /\bauthtoken[ \t]{1,4}(\w{24,128})/, looksRandom),
  shape(
    /sqlplus|expdp|impdp|sqlldr|rman/i,
    /\b(?:sqlplus|expdp|impdp|sqlldr|rman)[ \t](?:[^\n]{0,64}[ \t])?[\w.-]{1,64}\/([^\s@/"']{1,256})@/i,
    notHarmless,
  ),
  // Credentials before a host without a scheme. A tag before a digest is none.
  shape(
    /:[^\s:/@"'<>]{3,256}@/,
    /:(?=[^\s:/@"'<>]{3,256}@)(?<=(?:^|[\s"'=(,[])(?:[\w.-]{1,64}[/\\])?[\w.%+-]{1,128}:)([^\s:/@"'<>]{3,256})@(?!sha\d{3}:)[a-z\d][a-z\d-]{0,62}(?:\.[a-z\d-]{1,63}){0,8}(?::\d{1,5}\b|:?[\s"')]|\/|$)/im,
    looksRandom,
  ),
]

const ALGORITHM = /^(?:sha|md|base|utf|aes|rsa|pbkdf|argon|s?crypt|bcrypt|scram)-?\d/i

function isShown(value: string): boolean {
  if (!/[a-z]/i.test(value) || !/\d/.test(value) || !looksRandom(value)) return false
  return !/[/]|-\d/.test(value) || (/[a-z]/.test(value) && /[A-Z]/.test(value) && /^[^/.]/.test(value))
}

/** Alternatives of one search. V8 skips text quickly only for few. */
const MAX_GROUP_SIZE = 10

/** Shapes with the same flags of what they need, which are searched together. Most texts need no search for one. */
const GROUPS = ['', 'i'].flatMap((flags) => {
  const shapes = SHAPES.filter(({ needs }) => needs.flags === flags)
  const count = Math.ceil(shapes.length / MAX_GROUP_SIZE)
  return Array.from({ length: count }, (_, index) => {
    const group = shapes.slice(index * MAX_GROUP_SIZE, (index + 1) * MAX_GROUP_SIZE)
    return { shapes: group, any: new RegExp([...new Set(group.map(({ needs }) => needs.source))].join('|'), flags) }
  })
})

/** Finds tokens of well-known services, webhooks, hashes of passwords and credentials in statements. */
export const findSecretShapes: SecretFinder = (text, add) => {
  for (const { any, shapes } of GROUPS) if (any.test(text)) searchShapes(text, shapes, add)
}

function searchShapes(text: string, shapes: readonly Shape[], add: AddSpan): void {
  for (const { pattern, needs, isSecret } of shapes) {
    if (!needs.test(text)) continue
    pattern.lastIndex = 0
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const isGroup = match[1] !== undefined
      const [start, end] = (isGroup ? match.indices?.[1] : match.indices?.[0]) ?? [0, 0]
      if (isSecret?.(text.slice(start, end)) ?? true) add(start, end)
    }
  }
}
