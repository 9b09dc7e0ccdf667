import { Agent, request } from 'node:https'
import type { ApiAddress } from '../api-client.ts'

/** Status codes of a busy server. The request is repeated. */
const RETRYABLE: readonly number[] = [429, 500, 503, 504]

/** Maximum number of retries of a request. */
const MAX_RETRIES = 5

/** An object as the server stored it. */
export interface WrittenObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string }
}

/** Keep-alive connections to an API server, for many requests. */
export interface ApiConnection {
  /** @param as name of the writing program, for `managedFields` @throws Error when the request is rejected */
  post(path: string, object: object, as: string): Promise<WrittenObject>
  patch(path: string, patch: object, as: string): Promise<WrittenObject>
  get(path: string): Promise<unknown>
  /** Deletes an object or a collection. */
  remove(path: string): Promise<unknown>
  close(): void
}

/** Opens connections. @param connections maximum number of connections */
export function connectToApi(address: ApiAddress, connections: number): ApiConnection {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, ca: address.ca })
  const send = async (call: Omit<ApiCall, 'agent' | 'address'>): Promise<unknown> => {
    for (let retry = 0; ; retry += 1) {
      const { status, body } = await sendOnce({ ...call, agent, address })
      if (status < 300) return JSON.parse(body)
      if (!RETRYABLE.includes(status) || retry === MAX_RETRIES)
        throw new Error(`kube-apiserver answered ${status} to ${call.method} ${call.path}: ${body.slice(0, 500)}`)
      await new Promise((resolve) => setTimeout(resolve, 200 * (retry + 1)))
    }
  }
  return {
    post: (path, body, as) => send({ method: 'POST', path, body, as }) as Promise<WrittenObject>,
    patch: (path, body, as) => send({ method: 'PATCH', path, body, as }) as Promise<WrittenObject>,
    get: (path) => send({ method: 'GET', path, as: 'rig' }),
    remove: (path) => send({ method: 'DELETE', path, as: 'rig' }),
    close: () => agent.destroy(),
  }
}

interface ApiCall {
  readonly address: ApiAddress
  readonly agent: Agent
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: object
  readonly as: string
}

function sendOnce({ address, agent, method, path, body, as }: ApiCall): Promise<{ status: number; body: string }> {
  const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json'
  const headers = { authorization: `Bearer ${address.token}`, 'content-type': type, 'user-agent': as }
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, address.url), { method, agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
