import { createInterceptor, isOf } from './intercept.ts'
import type { Exchange } from './recording.ts'

/** A recording that runs. */
export interface Recorder {
  /** Requests that have been answered, in the order of their answers. */
  exchanges(): Promise<Exchange[]>
  /** Keeps the beginning of every answer that has not ended, such as a stream. Call it before clients close. */
  keepOpenAnswers(): Promise<void>
  stop(): void
}

/** Options of `startRecorder`. */
export interface RecorderOptions {
  /** Address of a server that is not recorded, such as that of a platform. @default none */
  readonly except?: string
}

/** The beginning of an answer, or all of it. */
interface Body {
  readonly bytes: Buffer
  readonly isOpen: boolean
}

const TEXT = /^text\/|[/+](?:json|xml|yaml|x-ndjson)\b|charset=|urlencoded/i

/** Time in which the rest of an answer arrives that ends by itself. */
const REST_MS = 200

/** Records every HTTP request of this process and its answer. Changes neither. */
export async function startRecorder({ except }: RecorderOptions = {}): Promise<Recorder> {
  const interceptor = await createInterceptor()
  const pending: Promise<Exchange>[] = []
  const over = new AbortController()
  interceptor.on('response', ({ request, response }) => {
    if (except !== undefined && isOf(except, request.url)) return
    const exchange = exchangeOf(request.method, request.url, response.clone(), over.signal)
    // An answer may be cut long before `exchanges` is called.
    exchange.catch(() => undefined)
    pending.push(exchange)
  })
  interceptor.apply()
  return {
    exchanges: async () => {
      const timeout = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), REST_MS))
      // An answer that was cut holds nothing to replay, and its copy may never end.
      const settled = await Promise.all(pending.map((each) => Promise.race([each.catch(() => undefined), timeout])))
      return settled.filter((exchange) => exchange !== undefined)
    },
    keepOpenAnswers: async () => {
      await Promise.race([Promise.allSettled(pending), new Promise((resolve) => setTimeout(resolve, REST_MS))])
      over.abort()
    },
    stop: () => interceptor.dispose(),
  }
}

async function exchangeOf(method: string, url: string, response: Response, over: AbortSignal): Promise<Exchange> {
  const { bytes, isOpen } = await bodyOf(response, over)
  const isBinary = bytes.length > 0 && !TEXT.test(response.headers.get('content-type') ?? 'text/plain')
  return {
    method,
    url,
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: bytes.toString(isBinary ? 'base64' : 'utf8'),
    ...(isBinary ? { isBinary } : {}),
    ...(isOpen ? { isOpen } : {}),
  }
}

/** Reads an answer to its end, or until the signal aborts. */
async function bodyOf({ body }: Response, over: AbortSignal): Promise<Body> {
  const chunks: Uint8Array[] = []
  const reader = body?.getReader()
  const stopped = new Promise<'open'>((resolve) => over.addEventListener('abort', () => resolve('open')))
  for (;;) {
    const next = await Promise.race([reader?.read(), stopped])
    if (next === 'open' || next === undefined || next.done)
      return { bytes: Buffer.concat(chunks), isOpen: next === 'open' }
    chunks.push(next.value)
  }
}
