import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Answer, type Call, problem, startPlatform } from '../../test/platform.ts'
import { recordingLogger } from '../../test/recording-logger.ts'
import { PlatformError } from '../errors/platform-error.ts'
import { createPlatformClient, type PlatformClient } from './client.ts'
import { AGENT_PATHS, type HeartbeatRequest } from './protocol.ts'

const TOKEN = 'agent_canary_4f2a9c'

const heartbeat: HeartbeatRequest = {
  agent_id: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60',
  agent_type: 'docker',
  agent_version: '1.0.0',
  started_at: '2026-01-23T10:00:00.000Z',
  sequence: 0,
  collectors: {},
  outbox: { reports: 0, bytes: 0, dropped: 0 },
}

/** A report of at least so many bytes. */
function reportOf(bytes = 0): string {
  return JSON.stringify({
    report_id: '019bea3c-7b5e-7cc3-9d4c-2f1f6a3a9a11',
    agent_id: heartbeat.agent_id,
    agent_type: 'docker',
    agent_version: '1.0.0',
    sequence: 0,
    timestamp: '2026-01-23T10:00:00.000Z',
    data: {
      entities: [],
      metrics: [],
      events: [],
      gaps: [{ scope: 'x', reason: 'y'.repeat(bytes), since: '2026-01-23T10:00:00.000Z' }],
    },
  })
}

function clientOf(url: string, retryCount = 0): { client: PlatformClient; log: ReturnType<typeof recordingLogger> } {
  const log = recordingLogger()
  const options = { platformUrl: new URL(url), agentToken: TOKEN, userAgent: 'rca-agent/test', retryCount, log }
  return { client: createPlatformClient(options), log }
}

async function failureOf(call: Promise<unknown>): Promise<PlatformError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(PlatformError)
  return error as PlatformError
}

describe('PlatformClient', () => {
  test('sends the token, the user agent and JSON with every call', async () => {
    const platform = await startPlatform()
    const { client } = clientOf(`${platform.url}/`)
    expect(await client.sendReports([reportOf()])).toEqual({ accepted: 1, duplicates: 0 })
    expect((await client.sendHeartbeat(heartbeat)).interval_seconds).toBe(30)
    expect(platform.calls.map((call) => call.path)).toEqual(['/api/v1/agent/data', '/api/v1/agent/heartbeat'])
    for (const { headers } of platform.calls)
      expect(headers).toMatchObject({
        authorization: `Bearer ${TOKEN}`,
        'user-agent': 'rca-agent/test',
        'content-type': 'application/json',
      })
    expect(platform.violations).toEqual([])
  })

  test('calls a platform behind a path', async () => {
    const platform = await startPlatform(() => ({ status: 202, body: { accepted: 1, duplicates: 0 } }))
    await clientOf(`${platform.url}/rca/v2/`).client.sendReports([reportOf()])
    expect(platform.calls[0]?.path).toBe('/rca/v2/api/v1/agent/data')
  })

  test('compresses large bodies only', async () => {
    const platform = await startPlatform()
    const { client } = clientOf(platform.url)
    await client.sendReports([reportOf()])
    await client.sendReports([reportOf(4000)])
    expect(platform.calls.map((call) => call.headers['content-encoding'])).toEqual([undefined, 'gzip'])
    expect(Number(platform.calls[1]?.headers['content-length'])).toBeLessThan(1000)
    expect(platform.calls[1]?.text).toBe(`{"reports":[${reportOf(4000)}],"series_sets":true}`)
  })

  test.each([500, 502, 503, 504, 429, 408])('retries after %i with the same body', async (status) => {
    let calls = 0
    const once: Answer = () => {
      calls += 1
      return calls === 1 ? problem(status, 'later') : undefined
    }
    const platform = await startPlatform(once)
    await clientOf(platform.url, 1).client.sendReports([reportOf(4000)])
    expect(platform.calls).toHaveLength(2)
    expect(platform.calls[1]?.text).toBe(platform.calls[0]?.text)
  })

  test('waits for the time in Retry-After and a random part of it, so that agents do not return together', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    onTestFinished(() => void vi.restoreAllMocks())
    const at: number[] = []
    const platform = await startPlatform((_call, response) => {
      at.push(performance.now())
      if (at.length > 1) return undefined
      response.setHeader('retry-after', '1')
      return problem(503, 'later')
    })
    await clientOf(platform.url, 3).client.sendReports([reportOf()])
    const [first = 0, second = 0] = at
    expect(second - first).toBeGreaterThan(1400)
  })

  test.each([
    ['7', 7000, 7000],
    ['99999999999', 99_999_999_999_000, 99_999_999_999_000],
    [new Date(Date.now() + 3_600_000).toUTCString(), 3_500_000, 3_600_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0, 0],
    ['soon', undefined, undefined],
    ['', undefined, undefined],
  ])('passes on Retry-After: %s', async (header, least, most) => {
    const platform = await startPlatform((_call, response) => {
      response.setHeader('retry-after', header)
      return problem(503, 'later')
    })
    const { retryAfter } = await failureOf(clientOf(platform.url).client.sendReports([reportOf()]))
    if (least === undefined) expect(retryAfter).toBeUndefined()
    else expect(retryAfter).toBeGreaterThanOrEqual(least)
    if (most !== undefined) expect(retryAfter).toBeLessThanOrEqual(most)
  })

  test('leaves a wait of more than a minute to its caller, instead of coming earlier', async () => {
    const platform = await startPlatform((_call, response) => {
      response.setHeader('retry-after', '61')
      return problem(503, 'later')
    })
    const { retryAfter } = await failureOf(clientOf(platform.url, 5).client.sendReports([reportOf()]))
    expect(retryAfter).toBe(61_000)
    expect(platform.calls).toHaveLength(1)
  })

  test('does not retry a heartbeat', async () => {
    const platform = await startPlatform(() => problem(503, 'later'))
    await failureOf(clientOf(platform.url, 5).client.sendHeartbeat(heartbeat))
    expect(platform.calls).toHaveLength(1)
  })

  test.each([400, 413, 415, 422])('neither retries nor keeps a request after %i', async (status) => {
    const platform = await startPlatform(() => problem(status, 'the body is wrong'))
    const error = await failureOf(clientOf(platform.url, 5).client.sendReports([reportOf()]))
    expect(error).toMatchObject({ status, retryable: false })
    expect(platform.calls).toHaveLength(1)
  })

  test.each([401, 403, 404, 405, 409, 410])('treats %i as retryable', async (status) => {
    const platform = await startPlatform(() => problem(status, 'not now'))
    const error = await failureOf(clientOf(platform.url, 5).client.sendReports([reportOf()]))
    expect(error).toMatchObject({ status, retryable: true })
    expect(platform.calls).toHaveLength(1)
  })

  test('quotes the platform’s problem in the error', async () => {
    const errors = ['/a', '/b', '/c', '/d'].map((pointer) => ({ pointer, detail: 'is wrong' }))
    const body = { type: 'about:blank', title: 'Unprocessable', status: 422, detail: 'Two fields.', errors }
    const platform = await startPlatform(() => ({ status: 422, body }))
    const { message } = await failureOf(clientOf(platform.url).client.sendReports([reportOf()]))
    expect(message).toBe(
      `The platform at ${platform.url} answered 422 to /api/v1/agent/data: Two fields.; /a is wrong; /b is wrong; /c is wrong`,
    )
  })

  test.each([['<html>'], [''], ['[]'], [{ ok: true }], [{ accepted: -1, duplicates: 0 }]])(
    'rejects the response %j, which is not part of the protocol',
    async (body) => {
      const platform = await startPlatform(() => ({ status: 200, body }))
      const error = await failureOf(clientOf(platform.url).client.sendReports([reportOf()]))
      expect(error.message).toContain('with a response that is not part of its protocol. Check that `platformUrl`')
      expect(error.retryable).toBe(true)
    },
  )

  test('ignores an error page that is not a problem document', async () => {
    const platform = await startPlatform(() => ({ status: 502, body: '<html>Bad Gateway</html>' }))
    const { message } = await failureOf(clientOf(platform.url).client.sendReports([reportOf()]))
    expect(message).toBe(`The platform at ${platform.url} answered 502 to /api/v1/agent/data`)
  })

  test('does not follow a redirect with the token', async () => {
    const elsewhere = await startPlatform()
    const platform = await startPlatform((_call, response) => {
      response.setHeader('location', `${elsewhere.url}/api/v1/agent/data`)
      return { status: 307 }
    })
    expect((await failureOf(clientOf(platform.url).client.sendReports([reportOf()]))).message).toContain('redirect')
    expect(elsewhere.calls).toEqual([])
  })

  test.each(['127.0.0.1', 'localhost'])('reports a refused connection to %s', async (host) => {
    const platform = await startPlatform()
    await platform.stop()
    const error = await failureOf(clientOf(`http://${host}:${platform.port}`).client.sendReports([reportOf()]))
    expect(error.message).toContain('could not be reached for /api/v1/agent/data: connect ECONNREFUSED')
    expect(error).toMatchObject({ status: undefined, retryable: true })
  })

  test('reports an unknown host', async () => {
    const error = await failureOf(clientOf('http://platform.invalid').client.sendReports([reportOf()]))
    expect(error.message).toMatch(/ENOTFOUND|EAI_AGAIN/)
  })

  test('reports a broken connection', async () => {
    const platform = await startPlatform((_call, response) => {
      response.socket?.destroy()
      return 'handled'
    })
    const error = await failureOf(clientOf(platform.url).client.sendReports([reportOf()]))
    expect(error.message).toContain('could not be reached for /api/v1/agent/data: ')
    expect(error.message).not.toContain('fetch failed')
  })

  test('logs a refused token once for all calls, and its acceptance once', async () => {
    let refuse = true
    const platform = await startPlatform(() => (refuse ? problem(401, 'unknown token') : undefined))
    const { client, log } = clientOf(platform.url)
    await failureOf(client.sendReports([reportOf()]))
    await Promise.all([failureOf(client.sendHeartbeat(heartbeat)), failureOf(client.sendReports([reportOf()]))])
    expect(log.lines.map(({ level }) => level)).toEqual(['error'])
    expect(log.lines[0]).toMatchObject({
      message: expect.stringMatching(/^token refused/),
      fields: { error: expect.stringContaining('unknown token') },
    })

    refuse = false
    await client.sendHeartbeat(heartbeat)
    await client.sendReports([reportOf()])
    expect(log.messages('info')).toEqual(['token accepted again'])

    refuse = true
    await failureOf(client.sendHeartbeat(heartbeat))
    expect(log.messages('error')).toHaveLength(2)
  })

  test('does not treat a foreign response as an accepted token', async () => {
    let body: string | undefined
    const platform = await startPlatform(() => (body === undefined ? problem(401, 'no') : { status: 200, body }))
    const { client, log } = clientOf(platform.url)
    await failureOf(client.sendHeartbeat(heartbeat))
    body = '<html>Log in</html>'
    await failureOf(client.sendHeartbeat(heartbeat))
    expect(log.messages('info')).toEqual([])
  })

  test('keeps the token out of errors and logs', async () => {
    const answers: Answer[] = [
      () => problem(401, `the token ${TOKEN} is unknown`),
      () => problem(422, `authorization: Bearer ${TOKEN}`),
      () => ({ status: 500, body: TOKEN }),
      () => ({ status: 200, body: TOKEN }),
      (_call, response) => {
        response.socket?.destroy()
        return 'handled'
      },
    ]
    const platform = await startPlatform()
    const { client, log } = clientOf(platform.url)
    for (const answer of answers) {
      platform.answer = answer
      const error = await failureOf(client.sendReports([reportOf()]))
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(TOKEN)
      expect(JSON.stringify(error)).not.toContain(TOKEN)
    }
    await platform.stop()
    expect(inspect(await failureOf(client.sendHeartbeat(heartbeat)), { depth: 20 })).not.toContain(TOKEN)
    expect(inspect(log.lines, { depth: 20 })).not.toContain(TOKEN)
  })

  test('aborts a call, also while it waits for a retry', async () => {
    const platform = await startPlatform((_call, response) => {
      response.setHeader('retry-after', '60')
      return problem(503, 'later')
    })
    const stop = new AbortController()
    const failure = failureOf(clientOf(platform.url, 5).client.sendReports([reportOf()], stop.signal))
    await platform.until(() => platform.calls.length === 1)
    stop.abort(new Error('stopped'))
    expect((await failure).retryable).toBe(true)
    await failureOf(clientOf(platform.url).client.sendReports([reportOf()], AbortSignal.abort()))
    expect(platform.calls).toHaveLength(1)
  })

  test('leaves no listeners on the agent’s signal', async () => {
    const platform = await startPlatform()
    const { client } = clientOf(platform.url)
    const { signal } = new AbortController()
    for (let calls = 0; calls < 5; calls += 1) await client.sendReports([reportOf()], signal)
    await platform.stop()
    await failureOf(client.sendReports([reportOf()], signal))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('stops reading an endless response', async () => {
    let written = 0
    const server = createServer((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (): void => {
        if (response.destroyed) return
        written += 1
        response.write('x'.repeat(65_536), () => setImmediate(more))
      }
      more()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { client } = clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const failure = await failureOf(client.sendReports([reportOf()]))
    expect(failure.message).toContain('not part of its protocol')
    expect(failure.retryable).toBe(true)
    // No more than the buffers of the sockets hold.
    expect(written).toBeLessThan(500)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('a client with a key', () => {
  const KEY = `agentkey_${'k'.repeat(43)}`
  const NEXT = `agentkey_${'n'.repeat(43)}`

  /** A platform that accepts these tokens and keys, and a client. */
  async function setUp(...accepted: string[]) {
    const valid = new Set(accepted)
    const bearer = (call: Call): string => call.headers.authorization?.replace('Bearer ', '') ?? ''
    const platform = await startPlatform((call) => {
      if (!valid.has(bearer(call))) return problem(401, `unknown: ${bearer(call)}`)
      if (call.path === AGENT_PATHS.enroll || call.path === AGENT_PATHS.rotateKey)
        return { status: 201, body: { agent_key: NEXT, expires_at: '2026-12-22T12:00:00.000Z' } }
      return call.path.startsWith(AGENT_PATHS.access) ? { status: 200, body: {} } : undefined
    })
    return { ...clientOf(platform.url), valid, bearers: () => platform.calls.map(bearer), calls: platform.calls }
  }

  test('sends it in place of the token', async () => {
    const { client, bearers } = await setUp(KEY, TOKEN)
    client.useKey(KEY)
    await client.sendHeartbeat(heartbeat)
    await client.sendReports([reportOf()])
    client.useKey(undefined)
    await client.sendHeartbeat(heartbeat)
    expect(bearers()).toEqual([KEY, KEY, TOKEN])
  })

  test('enrols with the token, and replaces the key with the key', async () => {
    const { client, bearers } = await setUp(KEY, TOKEN)
    client.useKey(KEY)
    const { agent_id, agent_type, agent_version } = heartbeat
    const request = { agent_id, agent_type, agent_version, instance_id: 'web-1' }
    expect((await client.enroll(request)).agent_key).toBe(NEXT)
    expect((await client.rotateKey({ agent_id, agent_type })).agent_key).toBe(NEXT)
    expect(bearers()).toEqual([TOKEN, KEY])
  })

  test('asks for access without a body', async () => {
    const { client, calls } = await setUp(TOKEN)
    expect(await client.checkAccess({ agent_id: heartbeat.agent_id, agent_type: 'acme/queues' })).toEqual({})
    const path = `/api/v1/agent/access?agent_id=${heartbeat.agent_id}&agent_type=acme%2Fqueues`
    expect(calls).toMatchObject([{ path, text: '' }])
  })

  test('uses the token at once when the key is refused, and logs that once', async () => {
    const { client, log, bearers } = await setUp(TOKEN)
    client.useKey(KEY)
    await client.sendReports([reportOf()])
    await client.sendHeartbeat(heartbeat)
    expect(bearers()).toEqual([KEY, TOKEN, TOKEN])
    expect(client.usesKey()).toBe(false)
    expect(log.messages()).toEqual(['key refused: the agent uses its token'])
    expect(JSON.stringify(log.lines)).not.toContain(KEY)
  })

  test('tries the key again after the token was refused too', async () => {
    const { client, log, valid, bearers } = await setUp()
    client.useKey(KEY)
    await failureOf(client.sendHeartbeat(heartbeat))
    await failureOf(client.sendHeartbeat(heartbeat))
    expect(log.messages().sort()).toEqual([
      'key refused: the agent uses its token',
      expect.stringMatching(/^token refused/),
    ])
    valid.add(KEY)
    await client.sendHeartbeat(heartbeat)
    expect(bearers()).toEqual([KEY, TOKEN, KEY, TOKEN, KEY])
    expect(client.usesKey()).toBe(true)
  })

  test('repeats a call with the newer key if its own was replaced meanwhile', async () => {
    const { client, log, bearers } = await setUp(NEXT)
    client.useKey(KEY)
    const sending = client.sendReports([reportOf()])
    client.useKey(NEXT)
    await sending
    expect(bearers()).toEqual([KEY, NEXT])
    expect([client.usesKey(), log.messages()]).toEqual([true, []])
  })

  test('asks for a newer key before it uses the token', async () => {
    const { client, log, bearers } = await setUp(NEXT)
    client.onKeyRefused(async () => client.useKey(NEXT))
    client.useKey(KEY)
    await client.sendHeartbeat(heartbeat)
    expect([bearers(), log.messages()]).toEqual([[KEY, NEXT], []])
  })

  test('keeps keys out of errors', async () => {
    const { client } = await setUp(TOKEN)
    client.useKey(KEY)
    const { agent_id, agent_type } = heartbeat
    const error = await failureOf(client.rotateKey({ agent_id, agent_type }))
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(KEY)
  })
})
