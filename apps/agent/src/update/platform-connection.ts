import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { useProxy } from '../proxy.ts'
import { parseEnvironmentFile } from '../service/environment-file.ts'
import type { Layout } from '../service/layout.ts'
import type { Machine } from '../service/machine.ts'
import { ServiceError, toServiceError } from '../service/service-error.ts'

export interface PlatformConnection {
  /** Address of the platform without a slash at its end. */
  readonly url: string
  readonly hasProxy: boolean
}

/** Reads the environment of the installed agent. @throws {ServiceError} when no agent is installed */
export function readInstalledEnvironment(machine: Machine, layout: Layout): Record<string, string> {
  try {
    return parseEnvironmentFile(readFileSync(machine.path(layout.environmentFile), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw toServiceError(error)
    throw new ServiceError(
      'usage',
      `no agent is installed in ${layout.prefix}: ${layout.environmentFile} does not exist. Use the command that the platform shows`,
    )
  }
}

/**
 * Lets `fetch` of this process use the proxy and the CA certificates of the installed agent. Node would read these
 * variables only when a process starts.
 *
 * @throws {ServiceError} when the agent has no platform, or a certificate cannot be read
 */
export function connectAsAgent(variables: Readonly<Record<string, string>>, machine: Machine): PlatformConnection {
  const { PLATFORM_API_URL: url, NODE_EXTRA_CA_CERTS: caFile, AGENT_TYPE: agentType = '' } = variables
  if (url === undefined)
    throw new ServiceError(
      'usage',
      'the installed agent has no PLATFORM_API_URL. Use the command that the platform shows',
    )
  const hasProxy = useProxy(variables, agentType).proxy !== undefined
  if (url.startsWith('https:'))
    tls.setDefaultCACertificates([
      ...tls.getCACertificates('bundled'),
      ...(variables.NODE_USE_SYSTEM_CA === '1' ? tls.getCACertificates('system') : []),
      ...(caFile === undefined ? [] : readCertificates(machine.path(caFile))),
    ])
  return { url: url.replace(/\/+$/, ''), hasProxy }
}

function readCertificates(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  } catch (error) {
    throw new ServiceError(
      'usage',
      `the CA certificates of the agent cannot be read: ${(error as Error).message}. Install the agent again with --ca-file`,
    )
  }
}
