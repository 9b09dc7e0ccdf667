/** Exit codes of `rca-agent service` and of the installers, one for each cause. */
export const SERVICE_EXIT_CODES = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  unsupportedSystem: 10,
  unsupportedLibrary: 11,
  missingTool: 12,
  notRoot: 13,
  downloadFailed: 20,
  proxyRefused: 21,
  tlsNotTrusted: 22,
  notOnPlatform: 23,
  wrongChecksum: 24,
  wrongSignature: 25,
  noSpace: 30,
  notWritable: 31,
  locked: 32,
  tokenRefused: 40,
  noHeartbeat: 41,
  wrongClock: 42,
  serviceManagerFailed: 50,
} as const

export type ServiceFailure = Exclude<keyof typeof SERVICE_EXIT_CODES, 'ok'>

/** The service could not be installed, changed or removed. The message says what failed and what to do. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly failure: ServiceFailure

  constructor(failure: ServiceFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }

  get exitCode(): number {
    return SERVICE_EXIT_CODES[this.failure]
  }
}

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT'])
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR'])

/** Converts an error of the file system to a `ServiceError`, and returns others as they are. */
export function toServiceError(error: unknown): unknown {
  const { code, message, path } = error as NodeJS.ErrnoException
  if (error instanceof ServiceError || code === undefined) return error
  const place = path === undefined ? '' : `${path}: `
  if (NO_SPACE.has(code))
    return new ServiceError('noSpace', `${place}no space is left. Free some, and run the command again`)
  if (NOT_WRITABLE.has(code))
    return new ServiceError('notWritable', `${message}. Make it writable, or choose another folder with --prefix`)
  return error
}
