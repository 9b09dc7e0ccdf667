import { describe, expect, test } from 'vitest'
import { fakeMachine } from '../../test/fake-machine.ts'
import { waitForHeartbeat } from './heartbeat-watch.ts'
import type { AgentHealth } from './machine.ts'

function waitFor(health: AgentHealth | undefined) {
  const machine = fakeMachine()
  machine.setHealth(health)
  const started = machine.now()
  const options = { socket: '/run/a.sock', since: started, timeoutMs: 15_000, signal: new AbortController().signal }
  return { machine, result: waitForHeartbeat(machine, options), waited: () => machine.now() - started }
}

describe('waiting for the first accepted heartbeat', () => {
  test('returns its time', async () => {
    const { result } = waitFor({ heartbeat: { acknowledged_at: '2026-01-01T00:00:01.000Z' } })
    expect(await result).toEqual({ time: new Date('2026-01-01T00:00:01.000Z') })
  })

  test('returns why the agent cannot read what it watches', async () => {
    const heartbeat = { acknowledged_at: '2026-01-01T00:00:01.000Z' }
    const { result } = waitFor({ heartbeat, collectors: { connect: { ok: false, error: 'no machine id' } } })
    expect(await result).toMatchObject({ problem: 'no machine id' })
  })

  test('ignores a heartbeat of the previous process', async () => {
    const { result, waited } = waitFor({ heartbeat: { acknowledged_at: '2025-12-31T23:59:59.000Z' } })
    await expect(result).rejects.toMatchObject({ failure: 'noHeartbeat' })
    expect(waited()).toBe(15_000)
  })

  test.each([
    [{ refused_token: true, error: 'answered 401' }, 'tokenRefused', /refused the token: answered 401/],
    [{ error: 'certificate has expired (CERT_HAS_EXPIRED)' }, 'wrongClock', /Set the clock/],
    [{ error: 'self-signed certificate in certificate chain' }, 'tlsNotTrusted', /--ca-file/],
    [{ error: 'Proxy response (403) !== 200 when HTTP Tunneling' }, 'proxyRefused', /--proxy/],
  ])('fails at once for %j', async (heartbeat, failure, message) => {
    const { result, waited } = waitFor({ heartbeat })
    await expect(result).rejects.toMatchObject({ failure, message: expect.stringMatching(message) })
    expect(waited()).toBe(0)
  })

  test.each([
    [undefined, /does not answer on its health socket/],
    [{}, /has no answer of the platform yet/],
    [{ heartbeat: { error: 'ECONNREFUSED' } }, /within 15 s: ECONNREFUSED/],
  ])('fails after the time for %j', async (health, message) => {
    const { result, waited } = waitFor(health)
    await expect(result).rejects.toMatchObject({ failure: 'noHeartbeat', message: expect.stringMatching(message) })
    expect(waited()).toBe(15_000)
  })
})
