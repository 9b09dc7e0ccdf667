import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const SCRIPT = `
  import { createHttpClient } from ${JSON.stringify(new URL('./http.ts', import.meta.url).href)}
  const send = createHttpClient()
  const request = { method: 'GET', headers: {}, timeoutMs: 60_000, signal: undefined }
  for (const url of process.argv.slice(1))
    console.log(await send(url, request).then(({ body }) => body, ({ message }) => message))
`

test('uses the proxies of the environment', async () => {
  const asked: string[] = []
  const proxy = createServer(({ url }, response) => {
    asked.push(`GET ${url}`)
    response.writeHead(url?.includes('denied') === true ? 403 : 200).end('from the proxy')
  })
  proxy.on('connect', ({ url }, socket) => {
    asked.push(`CONNECT ${url}`)
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`

  const urls = ['http://platform.invalid/', 'http://denied.invalid/', 'https://platform.invalid/']
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@rca/source', '--input-type=module', '--eval', SCRIPT, ...urls],
    // The name of the user and the password must not be part of an error.
    { env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: `http://${address}`, HTTPS_PROXY: `http://user:canary@${address}` } },
  )
  expect(asked).toEqual([`GET ${urls[0]}`, `GET ${urls[1]}`, 'CONNECT platform.invalid:443'])
  const [plain, denied, secure] = stdout.split('\n')
  expect([plain, denied]).toEqual(['from the proxy', 'the proxy refused the request: 403 Forbidden'])
  expect(secure).toMatch(
    /^Failed to establish tunnel to platform\.invalid:443 via .* 407 Proxy Authentication Required$/,
  )
  expect(secure).not.toContain('canary')
})
