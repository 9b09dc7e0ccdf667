import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hostRegistry, temporaryDirectory } from '../../test/fakes.ts'
import { type ConfigurationOptions, readConfiguration } from './configuration.ts'
import { parseEnvironmentFile } from './environment-file.ts'
import { createLayout } from './layout.ts'

const required = { platformUrl: 'http://127.0.0.1:8080/', agentToken: 'agent_shop_token', agentType: 'hosts' }

const read = (options: ConfigurationOptions, environment = {}) =>
  readConfiguration(options, environment, hostRegistry(), createLayout('linux'))

async function variablesOf(options: ConfigurationOptions, environment = {}): Promise<Record<string, string>> {
  return parseEnvironmentFile((await read({ ...required, ...options }, environment))?.environment ?? '')
}

function write(name: string, text: string): string {
  const file = join(temporaryDirectory(), name)
  writeFileSync(file, text)
  return file
}

describe('the configuration of a service', () => {
  test('is the environment of its agent', async () => {
    expect(await variablesOf({ set: ['scan_depth=3', 'log_level=debug'] })).toEqual({
      PLATFORM_API_URL: 'http://127.0.0.1:8080',
      AGENT_TOKEN: 'agent_shop_token',
      AGENT_TYPE: 'hosts',
      SCAN_DEPTH: '3',
      LOG_LEVEL: 'debug',
      RCA_STATE_DIR: '/var/lib/rca-agent',
      RCA_HEALTH_SOCKET: '/run/rca-agent/agent.sock',
    })
  })

  test('takes the token from the environment, which other users cannot read', async () => {
    const { agentToken, ...options } = required
    const configuration = await read(options, { AGENT_TOKEN: agentToken })
    expect(configuration?.environment).toContain('AGENT_TOKEN="agent_shop_token"')
  })

  test('stays as it is without options', async () => {
    expect(await read({}, { AGENT_TOKEN: '' })).toBeUndefined()
  })

  test('uses the proxy of the option, or of the environment', async () => {
    expect(await variablesOf({ proxy: 'http://user:secret@proxy:3128' }, { no_proxy: '10.0.0.0/8' })).toMatchObject({
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: 'http://user:secret@proxy:3128',
      HTTP_PROXY: 'http://user:secret@proxy:3128',
      NO_PROXY: '10.0.0.0/8',
    })
    expect(await variablesOf({}, { https_proxy: 'http://proxy:3128' })).toMatchObject({
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: 'http://proxy:3128',
    })
    expect(await variablesOf({}, { ALL_PROXY: 'proxy:3128', HTTP_PROXY: 'http://other:3128' })).toMatchObject({
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: 'http://proxy:3128',
      HTTP_PROXY: 'http://other:3128',
    })
  })

  test('refuses a proxy that is not one of HTTP, and leaves out one of the environment', async () => {
    const proxy = 'socks5://user:hunter2@proxy:1080'
    const refused = variablesOf({ proxy })
    await expect(refused).rejects.toThrow('--proxy is not an address such as http://proxy.example.com:3128. Correct it')
    await expect(refused).rejects.not.toThrow('hunter2')
    expect(await variablesOf({}, { ALL_PROXY: proxy })).toEqual(await variablesOf({}))
  })

  test('trusts the certificates of the system and of a file', async () => {
    const caFile = write('ca.pem', '-----BEGIN CERTIFICATE-----\n')
    const options = { ...required, platformUrl: 'https://api.example.com', caFile }
    expect((await read(options))?.certificates).toBe('-----BEGIN CERTIFICATE-----\n')
    expect(await variablesOf(options)).toMatchObject({
      NODE_USE_SYSTEM_CA: '1',
      NODE_EXTRA_CA_CERTS: '/etc/rca-agent/ca.pem',
    })
  })

  test('keeps when the agent updates itself', async () => {
    const set = ['auto_update=on', 'auto_update_window=23:30-01:00']
    expect(await variablesOf({ set })).toMatchObject({ AUTO_UPDATE: 'on', AUTO_UPDATE_WINDOW: '23:30-01:00' })
  })

  test('names the folder of further connectors', async () => {
    const file = write('package.json', '{}')
    expect((await variablesOf({ connector: join(file, '..') })).RCA_CONNECTORS).toBe(join(file, '..'))
  })

  test.each<[Partial<ConfigurationOptions>, RegExp]>([
    [{ agentToken: ' ' }, /--agent-token.* is missing/],
    [{ platformUrl: '' }, /--platform-url is missing/],
    [{ platformUrl: 'ftp://x' }, /only https and http work/],
    [{ agentType: 'host' }, /hosts/],
    [{ set: ['scan_dept=3'] }, /Did you mean `scan_depth`/],
    [{ set: ['scan_depth'] }, /is not `name=value`/],
    [{ set: ['log_level=debug\nX=1'] }, /log_level/],
    [{ set: ['auto_update=maybe'] }, /auto_update is `maybe`/],
    [{ set: ['auto_update_window=2-4'] }, /auto_update_window is `2-4`/],
    [{ caFile: '/missing.pem' }, /--ca-file: .*ENOENT/],
    [{ caFile: '/etc/passwd' }, /has no certificate/],
    [{ connector: '/missing' }, /--connector: \/missing has no package.json/],
  ])('refuses %j', async (options, message) => {
    await expect(read({ ...required, ...options })).rejects.toThrow(message)
  })
})
