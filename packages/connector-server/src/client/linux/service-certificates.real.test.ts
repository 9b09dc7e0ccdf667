import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { hasProgram, makeSelfSignedCertificate } from '@rca/rig'
import { realTest } from '@rca/rig/real'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { expect, onTestFinished } from 'vitest'
import { readServiceCertificates } from './service-certificates.ts'

const neverAborts = new AbortController().signal

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

realTest('reads certificates of programs that speak TLS, also expired ones', await hasProgram('openssl'), async () => {
  const { path } = temporaryDirectory()
  await makeSelfSignedCertificate(path, 'DNS:shop.example.com', { from: -9, to: -2 })
  const [cert, key] = ['cert.pem', 'key.pem'].map((file) => readFileSync(join(path, file)))
  const open = await listen(createTlsServer({ cert, key }))
  const wantsClient = await listen(createTlsServer({ cert, key, requestCert: true, maxVersion: 'TLSv1.2' }))
  const plain = await listen(createServer((socket) => socket.end('220 hello\r\n')))
  // The port of a client's end: no program listens there, and no other test can.
  const client = connect(open, '127.0.0.1')
  onTestFinished(() => void client.destroy())
  await once(client, 'connect')
  const ports = [open, wantsClient, plain, client.localPort ?? 0].map((port) => {
    return { port, addresses: ['0.0.0.0'], userId: 0, process: undefined }
  })
  const certificates = await readServiceCertificates(ports, neverAborts)
  expect(certificates.map(({ port }) => port.port)).toEqual([open, wantsClient])
  expect(certificates[0]).toMatchObject({
    subject: 'CN=platform',
    issuer: 'CN=platform',
    names: ['DNS:shop.example.com'],
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  const { notBefore, notAfter } = certificates[0] ?? {}
  expect(Number(notAfter) - Number(notBefore)).toBe(7 * 86_400_000)
})
