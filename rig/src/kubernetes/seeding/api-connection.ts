import { Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiAddress, requestApi } from '../api-client.ts'

/** Status codes of a busy server. The request is repeated. */
const RETRYABLE: readonly number[] = [429, 500, 503, 504]

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
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const send = async (
    method: Parameters<typeof requestApi>[1],
    path: string,
    body?: object,
    as = 'rig',
  ): Promise<unknown> => {
    for (let retry = 0; ; retry += 1) {
      const answer = await requestApi(address, method, path, body, { agent, headers: { 'user-agent': as } })
      if (answer.status < 300) return JSON.parse(answer.body)
      if (!RETRYABLE.includes(answer.status) || retry === MAX_RETRIES)
        throw new Error(`kube-apiserver answered ${answer.status} to ${method} ${path}: ${answer.body.slice(0, 500)}`)
      await sleep(200 * (retry + 1))
    }
  }
  return {
    post: (path, object, as) => send('POST', path, object, as) as Promise<WrittenObject>,
    patch: (path, patch, as) => send('PATCH', path, patch, as) as Promise<WrittenObject>,
    get: (path) => send('GET', path),
    remove: (path) => send('DELETE', path),
    close: () => agent.destroy(),
  }
}
