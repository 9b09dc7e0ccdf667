import type { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'

/** The bearer of a call. */
export interface Credential {
  readonly kind: 'token' | 'key'
  readonly text: string
}

/**
 * The agent's token and, once it has enrolled, the key that it uses in place of the token. Logs once when the platform
 * refuses the token or the key, and once when it accepts a call again.
 */
export function createCredentials(agentToken: string, platformUrl: string, log: Logger) {
  const token: Credential = { kind: 'token', text: agentToken }
  let key: Credential | undefined
  let isKeySetAside = false
  let isTokenRefused = false
  let isKeyRefused = false
  const current = (): Credential => (key === undefined || isKeySetAside ? token : key)

  return {
    token,
    key: () => key,
    current,
    /** Returns true if the platform refused the key, until it accepts it or the next one is used. */
    isKeyRefused: () => isKeyRefused,
    /** Uses a key, or with `undefined` the token. */
    useKey: (text: string | undefined): void => {
      key = text === undefined ? undefined : { kind: 'key', text }
      isKeySetAside = false
      isKeyRefused = false
    },
    accept: ({ kind }: Credential): void => {
      if (isTokenRefused) log.info({ platform_url: platformUrl }, 'token accepted again')
      isTokenRefused = false
      if (kind === 'key') isKeyRefused = false
    },
    /** Sets a refused key aside for the token. A refused token brings the key back: the platform may be at fault. */
    refuse: (refused: Credential, { message, status }: PlatformError): void => {
      const fields = { platform_url: platformUrl, status, error: message }
      if (refused.kind === 'token') {
        if (!isTokenRefused)
          log.error(
            fields,
            'token refused: the agent queues its reports and retries; give it a valid token, or stop it',
          )
        isTokenRefused = true
        isKeySetAside = false
      } else if (refused.text === current().text) {
        if (!isKeyRefused) log.warn(fields, 'key refused: the agent uses its token')
        isKeyRefused = true
        isKeySetAside = true
      }
    },
  }
}
