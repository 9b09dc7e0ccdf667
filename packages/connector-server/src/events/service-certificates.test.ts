import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServiceCertificate } from '../client/server-client.ts'
import { serviceCertificates } from './service-certificates.ts'

/** A certificate of port 443 that is valid for some days before and after 2026-11-22T09:00. */
function certificate(daysLeft: number, lifetime = 90, hash = 'one'): ServiceCertificate {
  const notAfter = new Date(Date.parse('2026-11-22T09:00:00Z') + daysLeft * 86_400_000)
  return {
    port: { port: 443, addresses: ['0.0.0.0'], userId: 33, process: { pid: 812, name: 'nginx' } },
    hash,
    subject: 'CN=shop.example.com',
    issuer: 'C=US, O=CA',
    names: ['DNS:shop.example.com'],
    notBefore: new Date(notAfter.getTime() - lifetime * 86_400_000),
    notAfter,
  }
}

/** Runs the watcher over one reading per look, an hour apart. `undefined` is a look at which nothing listens. */
async function watch(readings: (ServiceCertificate[] | undefined)[], cursor?: string) {
  let next = 0
  const client = {
    ...openFixture(fixtureRoot()),
    serviceCertificates: async () => readings[next++] ?? [],
    listeningPorts: async () => (readings[next - 1] === undefined ? [] : [certificate(1).port]),
  }
  const context = watchContext({ steps: readings.slice(1).map(() => idle), cursor })
  await runWatcher(serviceCertificates, client, context)
  return { bodies: context.events().map(({ severity, body }) => `${severity}: ${body}`), context }
}

describe('serviceCertificates', () => {
  test('reports a certificate that expires, has expired, and is renewed, each once', async () => {
    const soon = certificate(0.1)
    const { bodies, context } = await watch([[soon], [soon], [], [soon], [soon], [certificate(90, 90, 'two')]])
    expect(bodies).toEqual([
      'warning: The certificate of TCP port 443 of web-1 (nginx, pid 812) expires in 2 hours, on 2026-11-22: CN=shop.example.com',
      'error: The certificate of TCP port 443 of web-1 (nginx, pid 812) expired 36 minutes ago, on 2026-11-22: CN=shop.example.com',
      'info: The certificate of TCP port 443 of web-1 (nginx, pid 812) was renewed, and is valid until 2027-02-20: CN=shop.example.com',
    ])
    expect(context.events()[0]?.attributes).toMatchObject({
      'network.local.port': 443,
      'process.executable.name': 'nginx',
      'tls.server.not_after': '2026-11-22T11:24:00.000Z',
      'server.certificate.names': ['DNS:shop.example.com'],
    })
  })

  test.each([
    ['14 days before the end of one of 90 days', 14, 90, 1],
    ['15 days before it', 15, 90, 0],
    ['a day before the end of one of 7 days', 1, 7, 1],
    ['2 days before it', 2, 7, 0],
    ['6 hours before the end of one of a day', 0.25, 1, 0],
    ['years after the end', -1_000, 365, 1],
  ])('%s', async (_when, left, lifetime, count) => {
    expect((await watch([[certificate(left, lifetime)]])).bodies).toHaveLength(count)
  })

  test('reports no renewal of the same certificate after a step of the clock', async () => {
    const { bodies } = await watch([[certificate(3)], [certificate(30)], [certificate(3)]])
    expect(bodies).toEqual([expect.stringMatching(/^warning: .* expires in 3 days/)])
  })

  test('forgets a port on which nothing listens anymore', async () => {
    const { bodies, context } = await watch([[certificate(-1)], undefined, [certificate(90, 90, 'two')]])
    expect(bodies).toEqual([expect.stringMatching(/^error: .* expired 24 hours ago/)])
    expect(context.cursors.at(-1)).toBe('{}')
  })

  test('does not repeat itself after a restart, and reports another certificate that expires too', async () => {
    const first = await watch([[certificate(3)]])
    const cursor = first.context.cursors.at(-1)
    expect((await watch([[certificate(3)]], cursor)).bodies).toEqual([])
    expect((await watch([[certificate(5, 90, 'two')]], cursor)).bodies).toHaveLength(1)
  })
})
