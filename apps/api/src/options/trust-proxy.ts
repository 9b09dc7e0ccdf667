import { isIP } from 'node:net'

/**
 * Proxies whose `X-Forwarded-For` is trusted: every sender (`true`), a number of proxies in a chain, or proxies with
 * these addresses (`10.0.0.0/8, ::1`, also `loopback`, `linklocal` and `uniquelocal`).
 */
export type TrustProxy = boolean | number | string

/** Names of address ranges that Fastify knows. */
const NAMED_RANGES = ['loopback', 'linklocal', 'uniquelocal']

/** Parses `true`, `false`, a number of proxies, or addresses. Returns `undefined` for anything else. */
export function parseTrustProxy(text: string): TrustProxy | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^\d{1,2}$/.test(text)) return Number(text)
  return text.split(',').every((part) => isRange(part.trim())) ? text : undefined
}

/** Converts to Fastify's option. Fastify ignores numbers, as requests may bypass proxies; the operator knows better. */
export function toFastifyTrust(trust: TrustProxy): boolean | string | ((address: string, hop: number) => boolean) {
  return typeof trust === 'number' ? (_address, hop) => hop < trust : trust
}

function isRange(text: string): boolean {
  if (NAMED_RANGES.includes(text)) return true
  const [address = '', prefix, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return prefix === undefined || (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
}
