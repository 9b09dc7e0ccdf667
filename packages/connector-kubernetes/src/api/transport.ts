import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Access, Credentials } from './access.ts'
import { KubernetesError } from './errors.ts'
import { explainAbort, explainAnswer, explainFailure, type Question } from './explain-failure.ts'

/** Most connections for questions that are answered at once. Each watch has one of its own besides. */
const CONNECTIONS = 8

/** How long credentials are used before they are read again, in milliseconds. */
const CREDENTIALS_AGE = 10_000

/** How long the server may be silent before its answer and within it, in milliseconds. */
const PATIENCE = 30_000

/** Longest text of a refusal that is read, in bytes. */
const LONGEST_REFUSAL = 65_536

export interface Asking {
  readonly question: Question
  /** With its query: `/api/v1/pods?limit=500`. */
  readonly path: string
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly accept?: string | undefined
  readonly body?: object | undefined
  /** It stays open: it waits for no connection that a question holds, and no question waits for it. */
  readonly isWatch?: boolean
  readonly signal: AbortSignal
}

/** Speaks HTTP to an API server. */
export interface Transport {
  readonly address: string
  /** The answer once it begins, if it is a good one. @throws KubernetesError otherwise */
  ask(asking: Asking): Promise<IncomingMessage>
  close(): void
}

interface Connections {
  readonly of: string
  readonly questions: Agent
  readonly watches: Agent
}

/** Opens no connection yet. @param patience milliseconds that the server may be silent */
export function createTransport(access: Access, patience: number = PATIENCE): Transport {
  const { current, forget, close } = createConnections(access)
  const address = access.server.origin
  return {
    address,
    ask: async (asking) => {
      const { question, signal } = asking
      try {
        signal.throwIfAborted()
        const answer = await send(access.server, await current(), asking, patience)
        const status = answer.statusCode ?? 0
        if (status >= 200 && status < 300) return answer
        // A token that expired, or was replaced: the next question reads it anew.
        if (status === 401) forget()
        throw explainAnswer(question, status, await readRefusal(answer), answer.headers['retry-after'])
      } catch (error) {
        throw signal.aborted ? explainAbort(question, signal) : explainFailure(question, error)
      }
    },
    close,
  }
}

/** Credentials as they are now, and connections that were opened with their certificates. */
function createConnections(access: Access) {
  let connections: Connections | undefined
  let read: { readonly at: number; readonly credentials: Promise<Credentials> } | undefined
  const credentials = (): Promise<Credentials> => {
    if (read === undefined || performance.now() - read.at > CREDENTIALS_AGE) {
      const reading = { at: performance.now(), credentials: access.credentials() }
      read = reading
      reading.credentials.catch(() => {
        if (read === reading) read = undefined
      })
    }
    return read.credentials
  }
  const close = (): void => {
    connections?.questions.destroy()
    connections?.watches.destroy()
    connections = undefined
  }
  return {
    close,
    forget: () => {
      read = undefined
    },
    current: async () => {
      const valid = await credentials()
      if (connections?.of !== valid.connection) {
        const [questions, watches] = await Promise.all([
          // Kept from round to round: to open them anew costs more than what is asked on them.
          valid.createAgent({ keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS }),
          // Nothing is read ahead, so that nothing wakes the process while events are gathered.
          valid.createAgent({ keepAlive: true, maxFreeSockets: 2, highWaterMark: 1 }),
        ])
        // Those with the certificates from before end what they are at: nothing new is asked on them.
        connections = { of: valid.connection, questions, watches }
      }
      return { headers: valid.headers, ...connections }
    },
  }
}

type Current = Awaited<ReturnType<ReturnType<typeof createConnections>['current']>>

function send(server: URL, current: Current, asking: Asking, patience: number): Promise<IncomingMessage> {
  const { path, method = 'GET', accept = 'application/json', body, isWatch = false, signal, question } = asking
  const content = body === undefined ? undefined : JSON.stringify(body)
  const request = server.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server), {
      method,
      agent: isWatch ? current.watches : current.questions,
      signal,
      headers: {
        ...current.headers,
        accept,
        'user-agent': 'incident-rca-agent',
        ...(content === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
      },
    })
    const timer = setTimeout(() => sent.destroy(tooLate(question, patience)), patience)
    sent.on('response', (answer) => {
      clearTimeout(timer)
      if (!isWatch) limitSilence(answer, question, patience)
      resolve(answer)
    })
    sent.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    sent.end(content)
  })
}

/** A connection that was cut ends no answer. A watch may be silent for longer, and looks after itself. */
function limitSilence(answer: IncomingMessage, question: Question, patience: number): void {
  const { socket } = answer
  const giveUp = (): void => void answer.destroy(tooLate(question, patience))
  socket.setTimeout(patience, giveUp)
  answer.once('close', () => socket.setTimeout(0, giveUp))
}

function tooLate({ address, resource }: Question, patience: number): KubernetesError {
  return new KubernetesError(
    `The API server at ${address} was silent for ${patience / 1000} s when ${resource} was asked: it hangs, or a firewall drops what is sent`,
    { reason: 'Timeout' },
  )
}

async function readRefusal(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > LONGEST_REFUSAL) break
  }
  return Buffer.concat(chunks).toString('utf8')
}
