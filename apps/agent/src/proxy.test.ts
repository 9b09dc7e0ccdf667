import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { useProxy } from './proxy.ts'

/** Starts a proxy that opens no connection, and returns its address and the targets of requests. */
async function startProxy() {
  const targets: string[] = []
  const proxy = createServer((incoming, response) => {
    targets.push(incoming.url ?? '')
    response.end('from the proxy')
  })
  proxy.on('connect', (incoming, socket) => {
    targets.push(incoming.url ?? '')
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return { targets, address: `127.0.0.1:${(proxy.address() as AddressInfo).port}` }
}

function use(environment: Record<string, string>, type = 'server') {
  const { restore, ...used } = useProxy(environment, type)
  if (restore !== undefined) onTestFinished(restore)
  return used
}

describe('useProxy', () => {
  test.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY'])('sends requests of HTTPS through %s', async (name) => {
    const { targets, address } = await startProxy()
    expect(use({ [name]: `http://user:secret@${address}` })).toEqual({ proxy: address })
    await expect(fetch('https://192.0.2.1/api')).rejects.toThrow()
    expect(targets).toEqual(['192.0.2.1:443'])
  })

  test('sends requests of HTTP through a proxy without a scheme, and none to hosts of NO_PROXY', async () => {
    const proxy = await startProxy()
    const platform = await startProxy()
    use({ http_proxy: proxy.address, NO_PROXY: platform.address })
    expect(await (await fetch('http://192.0.2.1/api')).text()).toBe('from the proxy')
    await fetch(`http://${platform.address}/direct`)
    expect(proxy.targets).toEqual(['http://192.0.2.1/api'])
    expect(platform.targets).toEqual(['/direct'])
  })

  test('sends requests through ALL_PROXY also with NODE_USE_ENV_PROXY, for which Node does not read it', async () => {
    const { targets, address } = await startProxy()
    expect(use({ ALL_PROXY: address, NODE_USE_ENV_PROXY: '1' }, 'docker')).toEqual({ proxy: address })
    await expect(fetch('https://192.0.2.1/api')).rejects.toThrow()
    expect(targets).toEqual(['192.0.2.1:443'])
  })

  test.each(['socks5://user:hunter2@proxy', 'http://user:hunter2@'])(
    'does not use %s, without showing it',
    (address) => {
      const problem = 'is not used: it is not an address such as http://proxy.example.com:3128. Correct it'
      expect(use({ ALL_PROXY: address })).toEqual({ problem: `ALL_PROXY ${problem}` })
      expect(use({ HTTPS_PROXY: 'proxy:3128', ALL_PROXY: address })).toEqual({
        proxy: 'proxy:3128',
        problem: `ALL_PROXY ${problem}`,
      })
    },
  )

  test('says that an agent of another type does not use it', () => {
    expect(use({ HTTPS_PROXY: 'http://proxy:3128' }, 'docker')).toEqual({
      problem: expect.stringContaining('HTTPS_PROXY is not used: an agent of type `docker`'),
    })
    const environment = { HTTPS_PROXY: 'http://u:p@proxy:3128', NODE_USE_ENV_PROXY: '1' }
    expect(use(environment, 'docker')).toEqual({ proxy: 'proxy:3128' })
    expect(use({ HTTPS_PROXY: '' }, 'docker')).toEqual({})
  })
})
