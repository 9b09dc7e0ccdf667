import { AwsError } from './aws-error.ts'

/** The part of the SDK's clients that the guard uses. */
export interface GuardedClient {
  readonly middlewareStack: {
    // biome-ignore lint/suspicious/noExplicitAny: the SDK declares one type for each client's inputs and outputs.
    add(middleware: any, options: any): void
  }
}

type Send = (args: unknown) => Promise<{ readonly response?: unknown }>

/**
 * Sends no request to a service before the time of its last `Retry-After`. The SDK waits up to five seconds longer than
 * its own delay and then tries again, also if the service asked for a minute.
 */
export function obeyRetryAfter(client: GuardedClient, service: string, now: () => number): void {
  let notBefore = 0
  const throttled = (cause?: unknown): AwsError =>
    new AwsError(
      'throttled',
      `AWS throttles ${service} and asked to wait until ${new Date(notBefore).toISOString()}. The agent tries again then`,
      { cause },
    )
  const guard = (next: Send) => async (args: unknown) => {
    if (now() < notBefore) throw throttled()
    try {
      return await next(args)
    } catch (error) {
      const delay = retryAfterMs((error as { $response?: HttpResponse }).$response, now())
      if (delay === undefined) throw error
      notBefore = Math.max(notBefore, now() + delay)
      throw throttled(error)
    }
  }
  client.middlewareStack.add(guard, { step: 'deserialize', priority: 'high', name: 'obeyRetryAfter', override: true })
}

interface HttpResponse {
  readonly headers?: Readonly<Record<string, string>>
}

/** Returns the time that a `Retry-After` asks for, in seconds or as a date. */
function retryAfterMs(response: HttpResponse | undefined, now: number): number | undefined {
  const value = Object.entries(response?.headers ?? {}).find(([name]) => name.toLowerCase() === 'retry-after')?.[1]
  if (value === undefined) return undefined
  const delay = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - now
  return delay > 0 ? delay : undefined
}
