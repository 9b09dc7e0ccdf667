import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseFault, strikes } from './faults.ts'
import { startRecorder } from './record.ts'
import type { Recording } from './recording.ts'
import { redactRecording } from './redact-recording.ts'
import { startReplay } from './replay.ts'

const NO_NAMES = { secrets: [], renames: new Map<string, string>() }

function recordingOf(...exchanges: readonly (Partial<Recording['exchanges'][number]> & { readonly url: string })[]) {
  const complete = exchanges.map((exchange) => ({ method: 'GET', status: 200, headers: {}, body: '', ...exchange }))
  return { format: 1, at: '2026-11-22T09:00:00.000Z', options: {}, exchanges: complete } satisfies Recording
}

const bodyOf = async (url: string): Promise<string> => (await fetch(url)).text()

describe('a recording', () => {
  let origin = ''
  const server = createServer((request, response) => {
    response.setHeader('set-cookie', 'sid=1').setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ path: request.url }))
  })
  beforeEach(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  test('holds the requests of fetch and of node:http', async () => {
    const recorder = await startRecorder()
    try {
      expect(await bodyOf(`${origin}/a`)).toBe('{"path":"/a"}')
      await new Promise<void>((resolve, reject) => {
        get(`${origin}/b`, (response) => response.resume().once('end', () => resolve())).once('error', reject)
      })
      const exchanges = await recorder.exchanges()
      expect(exchanges.map(({ method, url, status, body }) => [method, url, status, body])).toEqual([
        ['GET', `${origin}/a`, 200, '{"path":"/a"}'],
        ['GET', `${origin}/b`, 200, '{"path":"/b"}'],
      ])
    } finally {
      recorder.stop()
    }
  })
})

describe('a stream in a recording', () => {
  let end: (() => void) | undefined
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write('{"event":1,"password":"p4ss"}\n')
    end = () => void response.end('{"event":2}\n')
  })
  const urlOf = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`
  const first = async (url: string, signal: AbortSignal) => {
    const reader = (await fetch(url, { signal })).body?.getReader()
    const { value } = (await reader?.read()) ?? {}
    const next = reader?.read()
    next?.catch(() => undefined)
    return { text: Buffer.from(value ?? []).toString(), next }
  }
  beforeEach(() => {
    end = undefined
    return new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  test('keeps its beginning without secrets, and stays open in a replay', async () => {
    const recorder = await startRecorder()
    const client = new AbortController()
    const { next } = await first(urlOf(), client.signal)
    await recorder.keepOpenAnswers()
    client.abort()
    await expect(next).rejects.toThrow()
    recorder.stop()
    const [exchange] = await recorder.exchanges()
    expect(exchange).toMatchObject({ isOpen: true, body: '{"event":1,"password":"p4ss"}\n' })
    const redacted = redactRecording(recordingOf({ ...exchange, url: urlOf() }, { url: `${urlOf()}/other` }), NO_NAMES)
    const replay = await startReplay(redacted)
    const again = new AbortController()
    const replayed = await first(urlOf(), again.signal)
    expect(replayed.text).toBe('{"event":1,"password":"[redacted]"}\n')
    // The stream would have ended by the end of a later request.
    await bodyOf(`${urlOf()}/other`)
    expect(await Promise.race([replayed.next, 'still open'])).toBe('still open')
    again.abort()
    await expect(replayed.next).rejects.toThrow()
    replay.stop()
  })

  test('is left out if it was cut, and the recording goes on', async () => {
    const recorder = await startRecorder()
    const { next } = await first(urlOf(), new AbortController().signal)
    server.closeAllConnections()
    await expect(next).rejects.toThrow()
    recorder.stop()
    expect(await recorder.exchanges()).toEqual([])
  })

  test('is whole if it ends while the recording does', async () => {
    const recorder = await startRecorder()
    const answer = fetch(urlOf()).then((response) => response.text())
    await expect.poll(() => end).toBeDefined()
    const kept = recorder.keepOpenAnswers()
    end?.()
    await kept
    await answer
    recorder.stop()
    expect(await recorder.exchanges()).toEqual([expect.not.objectContaining({ isOpen: true })])
  })

  test('leaves requests to the platform out, and does not replay them', async () => {
    const recorder = await startRecorder({ except: urlOf() })
    const client = new AbortController()
    await first(urlOf(), client.signal)
    client.abort()
    recorder.stop()
    expect(await recorder.exchanges()).toEqual([])
    const replay = await startReplay(recordingOf(), { except: urlOf() })
    expect((await first(urlOf(), new AbortController().signal)).text).toContain('"event":1')
    replay.stop()
  })
})

describe('secrets and names in a recording', () => {
  test('leave no secret of the configuration, and none by its name', () => {
    const recording = recordingOf({
      url: 'http://user:hunter2@127.0.0.1/items?api_key=abcdef123&page=2',
      headers: { 'content-type': 'application/json', 'set-cookie': 'sid=1', 'x-token': 'abcdef123' },
      body: JSON.stringify({ password: 'p4ss', token: 12345, text: 'seen swordfish-42', next: 'aHR=' }),
    })
    const redacted = redactRecording(recording, { ...NO_NAMES, secrets: ['swordfish-42'] })
    expect(JSON.stringify(redacted)).not.toMatch(/hunter2|abcdef123|sid=1|p4ss|12345|swordfish/)
    expect(redacted.exchanges[0]).toMatchObject({
      url: 'http://127.0.0.1/items?api_key=%5Bredacted%5D&page=2',
      headers: { 'content-type': 'application/json' },
    })
  })

  test('are redacted in each line of a stream', () => {
    const body = 'event: change\ndata: {"password":"p4ss","n":1}\n\n{"api_key":"abcdef123"}\n'
    const { exchanges } = redactRecording(recordingOf({ url: 'http://127.0.0.1/events', body }), NO_NAMES)
    expect(exchanges[0]?.body).toBe(
      'event: change\ndata: {"password":"[redacted]","n":1}\n\n{"api_key":"[redacted]"}\n',
    )
  })

  test('replace a host and a name wherever they occur', () => {
    const recording = recordingOf(
      { url: 'https://api.acme.internal/hosts', body: '{"host":"db-7.prod","self":"https://api.acme.internal/hosts"}' },
      { url: 'https://api.acme.internal/hosts/db-7.prod' },
    )
    const { exchanges } = redactRecording(recording, { secrets: [], renames: new Map([['db-7.prod', 'db-1']]) })
    expect(exchanges.map(({ url, body }) => [url, body])).toEqual([
      ['https://service-1.example/hosts', '{"host":"db-1","self":"https://service-1.example/hosts"}'],
      ['https://service-1.example/hosts/db-1', ''],
    ])
  })
})

describe('a replay', () => {
  const url = 'https://service-1.example/items'
  const recording = recordingOf(
    { url, body: '{"items":[1,2]}', headers: { 'content-type': 'application/json' } },
    { url, body: '{"items":[3]}' },
  )
  const replayed = async <Result>(faults: readonly string[], act: () => Promise<Result>): Promise<Result> => {
    const replay = await startReplay(recording, { faults })
    return act().finally(() => replay.stop())
  }

  test('answers in order without a network, and repeats the last answer', async () => {
    const bodies = await replayed([], async () => [await bodyOf(url), await bodyOf(url), await bodyOf(url)])
    expect(bodies).toEqual(['{"items":[1,2]}', '{"items":[3]}', '{"items":[3]}'])
  })

  test('fails a request that was not recorded', async () => {
    await expect(replayed([], () => fetch('https://service-1.example/other'))).rejects.toMatchObject({
      cause: { message: expect.stringContaining('holds no answer to GET https://service-1.example/other') },
    })
  })

  test.each([
    ['403', 403, '{"message":"injected 403"}'],
    ['429', 429, '{"message":"injected 429"}'],
    ['empty', 200, ''],
    ['half', 200, '{"items'],
    ['malformed', 200, '<html>injected</html>'],
  ])('injects %s', async (fault, status, body) => {
    const found = await replayed([fault], async () => {
      const response = await fetch(url)
      return [response.status, await response.text()]
    })
    expect(found).toEqual([status, body])
  })

  test('injects a fault into one request alone', async () => {
    const statuses = await replayed(['500@2'], async () => [
      (await fetch(url)).status,
      (await fetch(url)).status,
      (await fetch(url)).status,
    ])
    expect(statuses).toEqual([200, 500, 200])
  })

  test('cuts an answer', async () => {
    await expect(replayed(['cut'], () => bodyOf(url))).rejects.toThrow()
  })

  test('lets a slow request wait until the client aborts', async () => {
    const controller = new AbortController()
    await expect(
      replayed(['slow@items'], async () => {
        const pending = fetch(url, { signal: controller.signal })
        controller.abort(new Error('too slow'))
        return pending
      }),
    ).rejects.toThrow('too slow')
  })
})

describe('a fault', () => {
  test('strikes all requests, one of them, or those with a text', () => {
    expect(parseFault('403')).toEqual({ kind: '403' })
    expect(strikes(parseFault('403@3'), 3, 'http://a/')).toBe(true)
    expect(strikes(parseFault('403@3'), 2, 'http://a/')).toBe(false)
    expect(strikes(parseFault('cut@/items'), 2, 'http://a/items')).toBe(true)
    expect(strikes(parseFault('cut@/items'), 2, 'http://a/other')).toBe(false)
  })

  test.each(['404', '', 'toString', '@3'])('is refused: %j', (text) => {
    expect(() => parseFault(text)).toThrow('is not a fault')
  })
})
