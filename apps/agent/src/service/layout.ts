import { posix } from 'node:path'
import { ServiceError } from './service-error.ts'

/** Paths of an installation. */
export interface Layout {
  /** Folder of the programs. */
  readonly prefix: string
  /** Folder with a folder for each version. */
  readonly versions: string
  /** Link to the folder of the version that the service runs. */
  readonly current: string
  /** The agent's program, in the current version. */
  readonly program: string
  /** Public key with which the archives of the platform are signed. */
  readonly publicKey: string
  readonly lock: string
  /** Folder of the configuration, for root only. */
  readonly config: string
  /** The agent's environment, with its token. */
  readonly environmentFile: string
  /** Additional CA certificates. */
  readonly caFile: string
  /** State that outlives a restart, for the agent only. */
  readonly state: string
  /** Folder of the health socket. */
  readonly runtime: string
  readonly socket: string
  /** Link to the program in the search path of shells. */
  readonly link: string
  /** Log of service managers that keep none. */
  readonly log: string
}

/** Name of the service, its user and its group. */
export const SERVICE_NAME = 'rca-agent'

export const DEFAULT_PREFIX = '/opt/rca-agent'

/**
 * Returns the paths of an installation below `prefix`.
 *
 * @throws {ServiceError} for a prefix that needs quotes, and on Windows
 */
export function createLayout(platform: NodeJS.Platform, prefix = DEFAULT_PREFIX): Layout {
  if (platform === 'win32')
    throw new ServiceError('unsupportedSystem', 'this version of the agent cannot be installed as a service of Windows')
  const normal = posix.normalize(prefix).replace(/(?<=.)\/+$/, '')
  if (!/^\/[\w.+/-]+$/.test(normal))
    throw new ServiceError('usage', `--prefix: \`${prefix}\` must be an absolute path of letters, digits and ._+-/`)
  const isMac = platform === 'darwin'
  const config = isMac ? '/usr/local/etc/rca-agent' : '/etc/rca-agent'
  const runtime = isMac ? '/usr/local/var/run/rca-agent' : '/run/rca-agent'
  return {
    prefix: normal,
    versions: `${normal}/versions`,
    current: `${normal}/current`,
    program: `${normal}/current/bin/rca-agent`,
    publicKey: `${normal}/rca-agent.pub`,
    lock: `${normal}/.lock`,
    config,
    environmentFile: `${config}/agent.env`,
    caFile: `${config}/ca.pem`,
    state: isMac ? '/usr/local/var/rca-agent' : '/var/lib/rca-agent',
    runtime,
    socket: `${runtime}/agent.sock`,
    link: '/usr/local/bin/rca-agent',
    log: isMac ? '/Library/Logs/rca-agent.log' : '/var/log/rca-agent.log',
  }
}
