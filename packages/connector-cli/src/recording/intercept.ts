import type { HttpRequestInterceptor } from '@mswjs/interceptors/http'
import { CliError } from '../cli-error.ts'

/**
 * Loads the interceptor of every HTTP request of this process: of `fetch`, `node:http`, `node:https` and undici.
 *
 * @throws {CliError} on a Node.js that it does not support
 */
export async function createInterceptor(): Promise<HttpRequestInterceptor> {
  if (typeof Promise.withResolvers !== 'function')
    throw new CliError(`Recordings need Node.js 22 or newer, but this is ${process.version}.`)
  const { HttpRequestInterceptor } = await import('@mswjs/interceptors/http')
  return new HttpRequestInterceptor()
}

/** Returns whether a request goes to a server, which is named by its address. */
export function isOf(server: string, url: string): boolean {
  return new URL(server).origin === new URL(url).origin
}
