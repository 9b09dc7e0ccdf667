import { hostname } from 'node:os'
import { isUnencrypted, parsePlatformUrl } from '@rca/core'
import type { CompleteApiOptions } from './options/api-options.ts'

/** Something about the address in commands that an operator should correct. */
export interface AddressWarning {
  readonly log: string
  /** For the person who runs a command. */
  readonly instruction: string
}

/** Returns why agents may not reach the platform at its address, or would send tokens in clear text. */
export function addressWarnings(
  url: string,
  { publicUrl, host }: Pick<CompleteApiOptions, 'publicUrl' | 'host'>,
): readonly AddressWarning[] {
  const isGuessed = publicUrl === undefined && isWildcard(host)
  return [
    ...(isGuessed
      ? [
          {
            log: '`RCA_PUBLIC_URL` is not set: commands contain the name of this host, which agents may not reach',
            instruction: `\`${url}\` contains the name of the platform's host, which the agent may not reach. Set \`RCA_PUBLIC_URL\` of the platform.`,
          },
        ]
      : []),
    ...(isUnencrypted(parsePlatformUrl(url))
      ? [
          {
            log: 'tokens and data travel unencrypted: set `RCA_TLS_CERT` and `RCA_TLS_KEY`, or `RCA_PUBLIC_URL` to an https address',
            instruction: `\`${url}\` is not encrypted: everyone between the agent and the platform can read the token and the data. Serve the platform with HTTPS.`,
          },
        ]
      : []),
  ]
}

/** Returns a URL of the API. A wildcard address is replaced by the host's name, since it cannot be connected to. */
export function addressOf({ host, tlsCert }: Pick<CompleteApiOptions, 'host' | 'tlsCert'>, port: number): string {
  const name = isWildcard(host) ? hostname() : host.includes(':') ? `[${host}]` : host
  return `${tlsCert === undefined ? 'http' : 'https'}://${name}:${port}`
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
