import http from 'node:http'
import { expect, onTestFinished, test, vi } from 'vitest'
import { thisMachine } from '../service/machine.ts'
import { connectAsAgent } from './platform-connection.ts'

test.each([
  [{ AGENT_TYPE: 'server', ALL_PROXY: 'http://proxy:3128' }, true],
  [{ AGENT_TYPE: 'docker', ALL_PROXY: 'http://proxy:3128', NODE_USE_ENV_PROXY: '1' }, true],
  [{ AGENT_TYPE: 'docker', ALL_PROXY: 'http://proxy:3128' }, false],
  [{ AGENT_TYPE: 'server' }, false],
])('connectAsAgent uses the proxy that the agent uses: %j', (variables, hasProxy) => {
  const setProxy = vi.spyOn(http, 'setGlobalProxyFromEnv').mockReturnValue(() => undefined)
  onTestFinished(() => setProxy.mockRestore())
  const connection = connectAsAgent({ PLATFORM_API_URL: 'http://192.0.2.1:8080/', ...variables }, thisMachine())
  expect(connection).toEqual({ url: 'http://192.0.2.1:8080', hasProxy })
  if (hasProxy)
    expect(setProxy).toHaveBeenCalledWith({ https_proxy: 'http://proxy:3128', http_proxy: 'http://proxy:3128' })
  else expect(setProxy).not.toHaveBeenCalled()
})
