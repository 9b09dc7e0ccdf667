import { PlatformUrlError } from '../errors/platform-url-error.ts'

/** Parses the address. Keeps a path, for platforms behind a prefix. @throws {PlatformUrlError} */
export function parsePlatformUrl(text: unknown): URL {
  if (typeof text !== 'string') throw new PlatformUrlError('is missing or not a string')
  if (text.trim() === '') throw new PlatformUrlError('is empty')
  let url: URL
  try {
    url = new URL(text.trim())
  } catch {
    // The parser's own error repeats the text, which may hold a password.
    throw new PlatformUrlError('is not a URL')
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new PlatformUrlError(`has the scheme \`${url.protocol.slice(0, -1)}\`, but only https and http work`)
  if (url.username !== '' || url.password !== '')
    throw new PlatformUrlError('must not contain a user or password: the agent authenticates with its token')
  // Also a bare `?` or `#`: it would precede every path.
  if (/[?#]/.test(url.href)) throw new PlatformUrlError('must not have a query or fragment')
  return url
}

/** Returns the address without a trailing slash, as commands contain it. */
export function platformUrlText(url: URL): string {
  return url.href.replace(/\/+$/, '')
}

/** Returns true if a token sent to this address can be intercepted: plain HTTP to another machine. */
export function isUnencrypted(url: URL): boolean {
  return url.protocol === 'http:' && !isLoopback(url.hostname)
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname)
  )
}
