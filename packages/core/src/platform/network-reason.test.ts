import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { networkReason } from './network-reason.ts'

describe('networkReason', () => {
  const failure = (url: string): Promise<unknown> =>
    fetch(url).then(
      () => undefined,
      (error: unknown) => error,
    )

  test('says that a server does not speak TLS', async () => {
    const server = createServer((_request, response) => response.end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      expect(networkReason(await failure(`https://127.0.0.1:${port}`))).toBe(
        'the server does not speak TLS on this port: use an http address, or the port of https',
      )
    } finally {
      server.close()
    }
  })

  test('says that fetch refuses a port', async () => {
    expect(networkReason(await failure('http://127.0.0.1:9'))).toMatch(/^fetch refuses this port/)
  })

  test('adds the code to a message without it', () => {
    const error = Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
    expect(networkReason(new TypeError('fetch failed', { cause: error }))).toBe('connection lost (ECONNRESET)')
    expect(networkReason(new AggregateError([error, new Error('refused')], ''))).toBe(
      'connection lost (ECONNRESET); refused',
    )
    expect(networkReason('text')).toBe('text')
  })
})
