/** A right that an agent needs and may not have. */
export interface Permission {
  readonly verb: string
  /** Empty for the core group. */
  readonly group: string
  /** `pods`, `nodes/proxy`, … */
  readonly resource: string
  /** Absent where the right is needed in the whole cluster. */
  readonly namespace?: string | undefined
}

/** What an error of the API server consists of, besides its text. */
export interface KubernetesErrorOptions extends ErrorOptions {
  readonly status?: number | undefined
  readonly reason?: string | undefined
  readonly permission?: Permission | undefined
  readonly retryAfter?: number | undefined
}

/** What the API server refused or could not do, with the way out. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError'
  /** Status of the answer, where there was one. */
  readonly status: number | undefined
  /** The server's own word: `Forbidden`, `Expired`, …; or `WatchEnded`, `Silent`. */
  readonly reason: string | undefined
  /** The right that is missing. */
  readonly permission: Permission | undefined
  /** Seconds that the server wants to be left alone. */
  readonly retryAfter: number | undefined

  constructor(message: string, { status, reason, permission, retryAfter, ...options }: KubernetesErrorOptions = {}) {
    super(message, options)
    this.status = status
    this.reason = reason
    this.permission = permission
    this.retryAfter = retryAfter
  }
}

/** Whether what was continued no longer exists at the server, so that all has to be listed again. */
export function isExpired(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 410
}
