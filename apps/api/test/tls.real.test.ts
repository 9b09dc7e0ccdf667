import dns from 'node:dns'
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { makeSelfSignedCertificate } from '@rca/rig'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { startApi } from './kit.ts'

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Returns the status of `/healthz` and the fingerprint of the served certificate, trusting only `ca`. */
function ask(url: string, ca: string): Promise<{ status: number | undefined; fingerprint: string }> {
  return new Promise((resolve, reject) => {
    get(`${url}/healthz`, { ca, agent: false }, (response) => {
      const { fingerprint256: fingerprint } = (response.socket as TLSSocket).getPeerCertificate()
      response.resume().on('end', () => resolve({ status: response.statusCode, fingerprint }))
    }).on('error', reject)
  })
}

describe('TLS', () => {
  test('serves HTTPS, and a changed certificate without a restart', async () => {
    const [used, first, second] = [makeFolder(), makeFolder(), makeFolder()]
    await makeSelfSignedCertificate(first, 'IP:127.0.0.1')
    await makeSelfSignedCertificate(second, 'IP:127.0.0.1')
    const files = { tlsCert: join(used, 'cert.pem'), tlsKey: join(used, 'key.pem') }
    // The API never sees half of a file: a rename replaces it.
    const install = (folder: string, ...names: string[]) => {
      for (const name of names) {
        copyFileSync(join(folder, name), join(used, `${name}.new`))
        renameSync(join(used, `${name}.new`), join(used, name))
      }
    }
    const certificateOf = (folder: string) => readFileSync(join(folder, 'cert.pem'), 'utf8')
    const lines: { msg: string; reason?: string }[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
    install(first, 'cert.pem', 'key.pem')
    const { app, listen } = await startApi({ ...files, log })
    const url = await listen()
    expect(url).toMatch(/^https:/)
    const before = await ask(url, certificateOf(first))
    expect(before.status).toBe(200)

    // Half of another pair: the certificate in use stays.
    install(second, 'cert.pem')
    const reasons = () =>
      lines.filter(({ msg }) => msg.startsWith('certificate not reloaded')).map(({ reason }) => reason)
    const mismatch = expect.stringContaining('does not belong to the certificate')
    await expect.poll(reasons, { timeout: 60_000 }).toContainEqual(mismatch)
    expect(await ask(url, certificateOf(first))).toEqual(before)

    install(second, 'key.pem')
    const served = () =>
      ask(url, certificateOf(second)).then(
        ({ status }) => status,
        () => undefined,
      )
    await expect.poll(served, { timeout: 60_000 }).toBe(200)
    await expect(ask(url, certificateOf(first))).rejects.toThrow()

    // Plain HTTP is refused, and the server goes on.
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.on('error', () => undefined).end('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    socket.resume()
    await closed
    expect(await served()).toBe(200)
    expect(app.server.listening).toBe(true)
    expect(JSON.stringify(lines)).not.toContain('PRIVATE KEY')
  })

  test('listens on one address of `localhost`, whose certificate can be replaced', async () => {
    const folder = makeFolder()
    await makeSelfSignedCertificate(folder, 'DNS:localhost')
    const { lookup } = dns
    const fake = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, ...rest: unknown[]) => {
      const [options, callback] = rest as [{ all?: boolean }, (error: null, addresses: dns.LookupAddress[]) => void]
      const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
      if (name === 'localhost' && options.all === true) callback(null, addresses)
      else Reflect.apply(lookup, dns, [name, ...rest])
    }) as typeof dns.lookup)
    onTestFinished(() => fake.mockRestore())
    const files = { tlsCert: join(folder, 'cert.pem'), tlsKey: join(folder, 'key.pem') }
    const { app, listen } = await startApi({ ...files, host: 'localhost' })
    expect(await listen()).toMatch(/^https:\/\/localhost:/)
    expect(app.addresses()).toHaveLength(1)
  })

  test('refuses a pair that cannot be served, with the file and the reason', async () => {
    const [first, second] = [makeFolder(), makeFolder()]
    await makeSelfSignedCertificate(first, 'IP:127.0.0.1')
    await makeSelfSignedCertificate(second, 'IP:127.0.0.1')
    const broken = join(first, 'broken.pem')
    writeFileSync(broken, 'hunter2')
    const [cert, key] = [join(first, 'cert.pem'), join(first, 'key.pem')]
    for (const [tlsCert, tlsKey, message] of [
      [cert, undefined, '`RCA_TLS_CERT` requires `RCA_TLS_KEY`'],
      [undefined, key, '`RCA_TLS_KEY` requires `RCA_TLS_CERT`'],
      [cert, join(second, 'key.pem'), 'does not belong to the certificate'],
      [cert, join(first, 'absent.pem'), 'cannot be read (ENOENT)'],
      [first, key, 'cannot be read (EISDIR)'],
      [broken, key, 'does not contain a PEM certificate'],
      [cert, broken, 'does not contain a PEM private key'],
      [key, cert, 'does not contain a PEM certificate'],
    ] as const) {
      const started = startApi({ ...(tlsCert && { tlsCert }), ...(tlsKey && { tlsKey }) })
      await expect(started).rejects.toThrow(message)
      await expect(started).rejects.toMatchObject({ name: 'OptionsError' })
      await expect(started).rejects.not.toThrow('hunter2')
    }
  })
})
