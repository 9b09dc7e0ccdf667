/** Returns the innermost cause: the message of fetch itself is only "fetch failed". */
export function rootCause(error: unknown): unknown {
  let deepest = error
  while (deepest instanceof Error && deepest.cause !== undefined) deepest = deepest.cause
  return deepest
}

/** Returns why fetch failed. For a host name with several addresses, it fails with one error each and no message. */
export function networkReason(error: unknown): string {
  const cause = rootCause(error)
  if (!(cause instanceof Error)) return String(cause)
  const errors = cause instanceof AggregateError && cause.message === '' ? (cause.errors as unknown[]) : [cause]
  return errors.map((each) => withCode(each as Error)).join('; ')
}

function withCode({ message, name, code }: Error & { readonly code?: unknown }): string {
  // The texts of OpenSSL for an answer in plain HTTP name files and numbers of its sources.
  if (/wrong version number|packet length too long|http request/i.test(message))
    return 'the server does not speak TLS on this port: use an http address, or the port of https'
  if (message === 'bad port') return 'fetch refuses this port, which belongs to another protocol: use another port'
  const text = message === '' ? name : message
  return typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text
}
