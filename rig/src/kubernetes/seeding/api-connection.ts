import { Agent, request } from 'node:https'
import type { ApiAddress } from '../api-request.ts'

/** What a server says when it wants to be asked again. */
const BUSY: readonly number[] = [429, 500, 503, 504]

/** How often a request is repeated. */
const REPETITIONS = 5

/** An object as a server wrote it. */
export interface WrittenObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string }
}

/** Connections to an API server that are kept, to write many objects. */
export interface ApiConnection {
  /** @param as program in whose name it is written, as `managedFields` tell @throws Error when it is refused */
  post(path: string, object: object, as: string): Promise<WrittenObject>
  patch(path: string, patch: object, as: string): Promise<WrittenObject>
  get(path: string): Promise<unknown>
  /** One object, or a whole collection. */
  remove(path: string): Promise<unknown>
  close(): void
}

/** @param connections most that are open at once */
export function connectToApi(address: ApiAddress, connections: number): ApiConnection {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, ca: address.ca })
  const ask = async (question: Omit<Asked, 'agent' | 'address'>): Promise<unknown> => {
    for (let repetition = 0; ; repetition += 1) {
      const { status, body } = await askOnce({ ...question, agent, address })
      if (status < 300) return JSON.parse(body)
      if (!BUSY.includes(status) || repetition === REPETITIONS)
        throw new Error(
          `kube-apiserver answered ${status} to ${question.method} ${question.path}: ${body.slice(0, 500)}`,
        )
      await new Promise((resolve) => setTimeout(resolve, 200 * (repetition + 1)))
    }
  }
  return {
    post: (path, body, as) => ask({ method: 'POST', path, body, as }) as Promise<WrittenObject>,
    patch: (path, body, as) => ask({ method: 'PATCH', path, body, as }) as Promise<WrittenObject>,
    get: (path) => ask({ method: 'GET', path, as: 'rig' }),
    remove: (path) => ask({ method: 'DELETE', path, as: 'rig' }),
    close: () => agent.destroy(),
  }
}

interface Asked {
  readonly address: ApiAddress
  readonly agent: Agent
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: object
  readonly as: string
}

function askOnce({ address, agent, method, path, body, as }: Asked): Promise<{ status: number; body: string }> {
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
