import { describe, expect, test } from 'vitest'
import { dataRequestHead, exchange, metricOf, reportOf, startApi } from './kit.ts'

describe('malformed HTTP', () => {
  test.each([
    ['NONSENSE\r\n\r\n', '400 Bad Request'],
    ['GET /healthz HTTP/1.1\r\n\r\n', '400 Bad Request'],
    ['GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: weird\r\n\r\n', '417 Expectation Failed'],
    ['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', '405 Method Not Allowed'],
    ['POST /api/v1/agent/data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n', '400 Bad Request'],
    [`GET /healthz HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, '431 Request Header Fields Too Large'],
  ])('is answered with a problem: %j', async (sent, status) => {
    const api = await startApi()
    const answer = await exchange(new URL(await api.listen()), sent)
    expect(answer.match(/HTTP\/1\.1 .*/g)).toEqual([`HTTP/1.1 ${status}`])
    expect(answer).toMatch(/^HTTP\/1\.1 \d+ [^\r]+\r\n(?:.+\r\n)*content-type: application\/problem\+json/i)
  })

  test('is not answered before an earlier request on the connection', async () => {
    const api = await startApi()
    const token = await api.provision()
    const metrics = Array.from({ length: 2000 }, (_, index) => metricOf(index, { name: `m${index}` }))
    const payload = JSON.stringify({ reports: [reportOf({ metrics })] })
    const answer = await exchange(
      new URL(await api.listen()),
      `${dataRequestHead(token, payload.length)}${payload}NONSENSE\r\n\r\n`,
    )
    expect(answer).not.toContain('HTTP/1.1 400')
  })
})
