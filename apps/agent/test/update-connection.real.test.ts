import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLayout } from '../src/service/layout.ts'
import { connectAsAgent, readInstalledEnvironment } from '../src/update/platform-connection.ts'
import { readSignedArchives } from '../src/update/platform-downloads.ts'
import { makeArchives } from './fake-archives.ts'
import { fakeMachine } from './fake-machine.ts'

const layout = createLayout('linux')

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** Reads the archives of a platform as an agent with this environment. Returns the newest version. */
async function readNewest(environment: string, publicKey: string, certificates = ''): Promise<string> {
  const machine = fakeMachine()
  machine.write(layout.environmentFile, environment)
  machine.write(layout.caFile, certificates)
  const platform = connectAsAgent(readInstalledEnvironment(machine, layout), machine)
  return (await readSignedArchives(platform, publicKey, 'linux-x64', new AbortController().signal)).newest
}

// The settings hold for the process: the order of the tests matters.
describe('the connection of an update', () => {
  test('trusts the CA certificates of the agent, and no others', async () => {
    const archives = makeArchives(['1.2.0'])
    const [key, certificate] = [`${fakeMachine().root}/key.pem`, `${fakeMachine().root}/certificate.pem`]
    const subject = ['-subj', '/CN=platform', '-addext', 'subjectAltName=IP:127.0.0.1']
    const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    execFileSync('openssl', [...words, ...subject, '-keyout', key, '-out', certificate], { stdio: 'pipe' })
    const cert = readFileSync(certificate, 'utf8')
    const server = createTlsServer({ key: readFileSync(key), cert }, (request, response) => {
      response.end(archives.files.get(request.url?.replace('/downloads/', '') ?? ''))
    })
    const address = `PLATFORM_API_URL="https://127.0.0.1:${await listen(server)}"\n`
    await expect(readNewest(address, archives.publicKey)).rejects.toMatchObject({ failure: 'tlsNotTrusted' })
    const environment = `${address}NODE_EXTRA_CA_CERTS="${layout.caFile}"\n`
    expect(await readNewest(environment, archives.publicKey, `${cert}\n${cert}`)).toBe('1.2.0')
  })

  test('uses the proxy of the agent, and says that it refuses', async () => {
    const archives = makeArchives(['1.2.0'])
    const asked: string[] = []
    let status = 200
    const proxy = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '')
      asked.push(request.url ?? '')
      response.writeHead(status).end(archives.files.get(pathname.replace('/downloads/', '')))
    })
    const address = `http://127.0.0.1:${await listen(proxy)}`
    const variables = `NODE_USE_ENV_PROXY="1"\nHTTP_PROXY="${address}"\n`
    const environment = `PLATFORM_API_URL="http://platform.example"\n${variables}`
    expect(await readNewest(environment, archives.publicKey)).toBe('1.2.0')
    expect(asked[0]).toBe('http://platform.example/downloads/SHA256SUMS')
    status = 407
    await expect(readNewest(environment, archives.publicKey)).rejects.toMatchObject({ failure: 'proxyRefused' })
  })

  test('needs an installed agent with a platform', async () => {
    await expect(readNewest('AGENT_TYPE="server"\n', '')).rejects.toMatchObject({ failure: 'usage' })
    expect(() => readInstalledEnvironment(fakeMachine(), layout)).toThrow('no agent is installed in /opt/rca-agent')
  })
})
