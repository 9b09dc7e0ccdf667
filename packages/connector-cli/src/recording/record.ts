import { createInterceptor } from './intercept.ts'
import type { Exchange } from './recording.ts'

/** A recording that runs. */
export interface Recorder {
  /** Requests that have been answered, in the order of their answers. */
  exchanges(): Promise<Exchange[]>
  stop(): void
}

const TEXT = /^text\/|[/+](?:json|xml|yaml|x-ndjson)\b|charset=|urlencoded/i

/** Records every HTTP request of this process and its answer. Changes neither. */
export async function startRecorder(): Promise<Recorder> {
  const interceptor = await createInterceptor()
  const pending: Promise<Exchange>[] = []
  interceptor.on('response', ({ request, response }) => {
    pending.push(exchangeOf(request.method, request.url, response.clone()))
  })
  interceptor.apply()
  return {
    exchanges: async () => {
      // An answer that was cut holds nothing to replay.
      const settled = await Promise.allSettled(pending)
      return settled.filter((result) => result.status === 'fulfilled').map(({ value }) => value)
    },
    stop: () => interceptor.dispose(),
  }
}

async function exchangeOf(method: string, url: string, response: Response): Promise<Exchange> {
  const bytes = Buffer.from(await response.arrayBuffer())
  const isBinary = bytes.length > 0 && !TEXT.test(response.headers.get('content-type') ?? 'text/plain')
  return {
    method,
    url,
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: bytes.toString(isBinary ? 'base64' : 'utf8'),
    ...(isBinary ? { isBinary } : {}),
  }
}
