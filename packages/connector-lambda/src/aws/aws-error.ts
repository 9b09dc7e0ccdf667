/** Kind of a failed call, which decides how it is reported. */
export type AwsFailure = 'denied' | 'throttled' | 'not-found' | 'unreachable' | 'failed'

/** A call to AWS that failed. The message names the permission, the reason and the fix. */
export class AwsError extends Error {
  readonly kind: AwsFailure

  constructor(kind: AwsFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AwsError'
    this.kind = kind
  }
}

export function isAwsError(error: unknown, kind: AwsFailure): boolean {
  return error instanceof AwsError && error.kind === kind
}

/** Fields of the SDK's errors. */
interface SdkError {
  readonly name?: string
  readonly message?: string
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $retryable?: { readonly throttling?: boolean }
}

const DENIED =
  /^(?:AccessDenied|Unauthorized|NotAuthorized|UnrecognizedClient|InvalidClientToken|InvalidSignature|SignatureDoesNotMatch|ExpiredToken|IncompleteSignature|MissingAuthenticationToken|OptInRequired)/
const THROTTLED = /Throttl|^TooManyRequests|^RequestLimitExceeded$|^SlowDown$/
const NETWORK =
  /^(?:ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|ETIMEDOUT|EPIPE|ERR_SOCKET|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/

/** Translates an error of the SDK. @param action the permission that the call needs, such as `lambda:ListAliases` */
export function toAwsError(error: unknown, action: string, region: string): AwsError {
  if (error instanceof AwsError) return error
  const { name = 'Error', message = String(error), code = '', $metadata, $retryable } = error as SdkError
  const status = $metadata?.httpStatusCode
  const said = `${name}: ${message}`
  const cause = { cause: error }
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError')
    return new AwsError(
      'denied',
      `No AWS credentials were found for ${action} (${message}). In a Fargate task, give it a task role; elsewhere, set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      cause,
    )
  if (THROTTLED.test(name) || status === 429 || $retryable?.throttling === true)
    return new AwsError(
      'throttled',
      `AWS throttles ${action} in ${region} (${said}). The agent tries again later`,
      cause,
    )
  if (DENIED.test(name) || status === 401 || status === 403)
    return new AwsError(
      'denied',
      `AWS refused ${action} in ${region} (${said}). Allow it in the role of the agent, or check its credentials`,
      cause,
    )
  if (name === 'ResourceNotFoundException' || status === 404)
    return new AwsError('not-found', `AWS found nothing for ${action} in ${region} (${said})`, cause)
  if (status === undefined && (NETWORK.test(code) || name === 'TimeoutError'))
    return new AwsError(
      'unreachable',
      `AWS could not be reached for ${action} in ${region} (${said}). Check the route from the agent's subnets to AWS, and \`aws_endpoint_url\``,
      cause,
    )
  return new AwsError('failed', `AWS failed to answer ${action} in ${region} (${said})`, cause)
}
