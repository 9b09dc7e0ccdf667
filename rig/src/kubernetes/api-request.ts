import { request } from 'node:https'

/** Where an API server is asked, and as whom. */
export interface ApiAddress {
  readonly url: string
  /** As PEM. */
  readonly ca: string
  readonly token: string
}

export interface ApiAnswer {
  readonly status: number
  readonly body: string
}

/** Asks an API server once, for 5 seconds at most. */
export async function askApi(
  { url, ca, token }: ApiAddress,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<ApiAnswer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const options = { method, ca, headers, agent: false, signal: AbortSignal.timeout(5_000) }
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
