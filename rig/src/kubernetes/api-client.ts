import { request } from 'node:https'

/** Address of an API server, with the credentials of a user. */
export interface ApiAddress {
  readonly url: string
  /** As PEM. */
  readonly ca: string
  readonly token: string
}

/** Time that the API server has to answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000

export interface ApiAnswer {
  readonly status: number
  readonly body: string
}

/** Sends one request to an API server. */
export async function requestApi(
  { url, ca, token }: ApiAddress,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<ApiAnswer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const options = { method, ca, headers, agent: false, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) }
    const sent = request(new URL(path, url), options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
