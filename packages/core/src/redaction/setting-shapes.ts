import { looksRandom } from './secret-values.ts'
import { notHarmless, type Shape, shape } from './shape.ts'

/** Secrets in settings and commands of single programs, whose names show no secret or have no separator. */
export const SETTING_SHAPES: readonly Shape[] = [
  shape(
    /(?:snmp|community|snmp-server)[ \t]/i,
    /\b(?:snmp(?:-server)?[ \t]{1,4}community|r[ow]community6?)[ \t]{1,4}["']?([^\s"']{4,64})/i,
    looksRandom,
  ),
  // Redis and its sentinels.
  shape(/SETUSER/i, /\bSETUSER[ \t][^\n>]{0,256}[ \t]["']?>([^\s"']{1,512})/i, notHarmless),
  shape(/auth-pass/i, /\bauth-pass[ \t]{1,4}[\w.-]{1,128}[ \t]{1,4}["']?([^\s"']{1,512})/i, notHarmless),
  shape(/stats[ \t]{1,8}auth/, /\bstats[ \t]{1,8}auth[ \t]{1,8}[^\s:]{1,128}:(\S{1,512})/, notHarmless),
  // DNS: TSIG keys of BIND, nsupdate and dig.
  shape(/hmac-/, /\bhmac-(?:md5|sha\d{1,3})[\w.-]{0,32}:[\w.-]{1,128}:([\w+/]{16,512}={0,2})/),
  shape(/secret[ \t]{1,8}"/, /\bsecret[ \t]{1,8}"([\w+/]{16,512}={0,2})"[ \t]{0,4};/, looksRandom),
  // Kafka and its schema registry.
  shape(
    /user\.info/,
    /\bauth\.user\.info["']?[ \t]{0,4}[=:][ \t]{0,4}["']?[^\s:"']{1,256}:([^\s"',;]{1,512})/,
    notHarmless,
  ),
  // Keys of PagerDuty: a routing key of a message queue is a word.
  shape(
    /(?:routing|service|integration)_key/i,
    /\b(?:\w{1,32}_)?(?:routing|service|integration)_key["']?[ \t]{0,4}[=:][ \t]{0,4}["']?([0-9a-f]{32}|R0\w{30})\b/i,
  ),
  shape(/certificate-key/, /--certificate-key[= \t]{1,4}([0-9a-f]{64})\b/),
  shape(/honeycomb/i, /\bx-honeycomb-team["']?[ \t]{0,4}[=:][ \t]{0,4}["']?([\w-]{16,128})/i),
  // Personal access tokens, sessions and passwords in variables.
  shape(/_PAT\b/, /\b[A-Z][A-Z0-9_]{0,64}_PAT["']?[ \t]{0,2}[=:][ \t]{0,2}["']?([^\s"',;]{16,512})/, looksRandom),
  shape(/SSHPASS|BW_SESSION/, /\b(?:SSHPASS|BW_SESSION)=["']?([^\s"']{4,512})/, notHarmless),
  shape(
    /sonar\.login|sq[pau]_/,
    /\bsq[pau]_[0-9a-f]{40}\b|\bsonar\.login["']?[ \t]{0,4}[=:][ \t]{0,4}["']?(\w{20,64})/,
  ),
  shape(/codecov[^\n]{0,128} -t/, /\bcodecov\b[^\n]{0,128}[ \t]-t[= \t]["']?([0-9a-f]{8}-[0-9a-f-]{27})/),
  shape(/cargo[ \t]{1,4}login/, /\bcargo[ \t]{1,4}login[ \t]{1,4}(\w{20,128})/, looksRandom),
  // Composer: credentials of repositories, and of services by the name of a host.
  shape(
    /http-basic/,
    /\bhttp-basic\.[\w.-]{1,128}[ \t]{1,4}[^\s"']{1,128}[ \t]{1,4}["']?([^\s"']{1,512})/,
    notHarmless,
  ),
  shape(
    /-(?:oauth|token)["']/,
    /["'](?:github|gitlab|bitbucket)-(?:oauth|token)["']\s{0,8}:\s{0,8}\{\s{0,8}["'][\w.-]{1,128}["']\s{0,8}:\s{0,8}["']([^"'\n]{1,512})/,
    notHarmless,
  ),
  // Keys of PuTTY.
  shape(/Private-Lines/, /\bPrivate-Lines: \d{1,3}\r?\n((?:[\w+/=]{1,80}\r?\n){0,200}[\w+/=]{1,80})/),
  shape(/Private-MAC/, /\bPrivate-MAC: ([0-9a-f]{40,64})/),
  // SQL Server, and the shell of MongoDB.
  shape(/=[ \t]{0,4}N'/, /\bpassword[ \t]{0,4}=[ \t]{0,4}N'((?:[^'\n]|''){1,512})'?/i, notHarmless),
  shape(/\.auth\(/, /\.auth\([ \t]{0,4}["'][^"'\n]{1,128}["'],[ \t]{0,4}["']([^"'\n]{1,512})["']/, notHarmless),
]
