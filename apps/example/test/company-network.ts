import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Server } from 'node:net'
import { join } from 'node:path'
import { makeCertificates } from '@rca/rig'

/** A proxy and a TLS front between an agent and its platform, as in a company. */
export interface CompanyNetwork {
  /** Address of the platform over TLS, with a certificate of a private authority. */
  readonly platformUrl: string
  readonly authorityFile: string
  readonly proxyUrl: string
  /** Hosts to which the proxy has connected. */
  readonly connected: readonly string[]
  /** Sets the address to which the TLS front forwards requests. */
  forwardTo(to: string): void
  close(): void
}

/** Starts proxy and TLS front on loopback. */
export async function startCompanyNetwork(directory: string): Promise<CompanyNetwork> {
  await makeCertificates(directory)
  let target = ''
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(directory, name)))
  const front = createSecureServer({ cert, key }, (incoming, answer) => {
    const { method, headers, url } = incoming
    const onward = request(new URL(url ?? '/', target), { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    incoming.pipe(onward)
  })
  const connected: string[] = []
  const proxy = createServer().on('connect', ({ url = '' }, client) => {
    connected.push(url)
    const [host = '', port] = url.split(':')
    const server = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      server.pipe(client).pipe(server)
    })
    for (const socket of [client, server]) socket.on('error', () => socket.destroy())
  })
  const [frontPort, proxyPort] = [await listen(front), await listen(proxy)]
  return {
    platformUrl: `https://127.0.0.1:${frontPort}`,
    authorityFile: join(directory, 'ca.pem'),
    proxyUrl: `http://127.0.0.1:${proxyPort}`,
    connected,
    forwardTo: (to) => {
      target = to
    },
    close: () => {
      for (const server of [front, proxy]) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
