import { isIP } from 'node:net'

/**
 * Whose `X-Forwarded-For` is believed: everyone's (`true`), that of so many proxies one behind the other, or that of
 * proxies with these addresses (`10.0.0.0/8, ::1`, also `loopback`, `linklocal` and `uniquelocal`).
 */
export type TrustProxy = boolean | number | string

/** Names of address ranges that Fastify knows. */
const RANGES = ['loopback', 'linklocal', 'uniquelocal']

/** Reads what stands in the environment: `true`, `false`, a number of proxies, or addresses. `undefined` for anything else. */
export function parseTrustProxy(text: string): TrustProxy | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^\d{1,2}$/.test(text)) return Number(text)
  return text.split(',').every((part) => isRange(part.trim())) ? text : undefined
}

/** As Fastify takes it. It ignores plain numbers, because only the operator can know that nobody goes round the proxies. */
export function toFastifyTrust(trust: TrustProxy): boolean | string | ((address: string, hop: number) => boolean) {
  return typeof trust === 'number' ? (_address, hop) => hop < trust : trust
}

function isRange(text: string): boolean {
  if (RANGES.includes(text)) return true
  const [address = '', prefix, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return prefix === undefined || (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
}
