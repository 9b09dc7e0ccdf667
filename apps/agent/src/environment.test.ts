import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configFromEnvironment } from '@rca/core'
import { describe, expect, test } from 'vitest'
import { hostRegistry, temporaryDirectory } from '../test/fakes.ts'
import {
  EnvironmentError,
  findMisspelt,
  readAgentOptions,
  readAgentToken,
  readAgentType,
  readConfig,
  readHealthAddress,
  readPlatformUrl,
  readStateDirectory,
} from './environment.ts'

const registry = hostRegistry()
const hosts = await registry.connector('hosts')

describe('the environment', () => {
  test('names the missing variable and what to set it to', () => {
    expect(() => readAgentType({}, registry)).toThrow(/AGENT_TYPE is not set.*hosts/)
    expect(() => readPlatformUrl({ PLATFORM_API_URL: ' ' })).toThrow(/PLATFORM_API_URL is not set.*https:/)
    expect(() => readAgentToken({})).toThrow(/AGENT_TOKEN is not set.*AGENT_TOKEN_FILE/)
  })

  test('names all missing variables at once', async () => {
    await expect(readAgentOptions({}, registry)).rejects.toThrow(
      /^PLATFORM_API_URL is not set.*\nAGENT_TOKEN is not set.*\nAGENT_TYPE is not set.*$/,
    )
  })

  test.each([
    ['api.example.com', 'PLATFORM_API_URL (`api.example.com`) is not a URL. Set it to'],
    ['ftp://api.example.com', 'PLATFORM_API_URL (`ftp://api.example.com`) has the scheme `ftp`'],
    ['https://user:secret@api.example.com', 'PLATFORM_API_URL must not contain a user or password'],
  ])('names the variable and its value for the address %s', (url, message) => {
    const read = (): string => readPlatformUrl({ PLATFORM_API_URL: url })
    expect(read).toThrow(message)
    expect(read).not.toThrow(/secret/)
  })

  test('refuses an interval that would load the host', () => {
    expect(() => readConfig(hosts, { COLLECT_INTERVAL: '1ms' })).toThrow(/COLLECT_INTERVAL is `1ms`.*at least 1s/)
    expect(readConfig(hosts, { COLLECT_INTERVAL: '1000ms' })).toEqual({ collect_interval: '1000ms' })
  })

  test('reads the token from a file, and names a file that cannot be read', () => {
    const directory = temporaryDirectory()
    const file = join(directory, 'token')
    writeFileSync(file, 'agent_prod_secret\n')
    expect(readAgentToken({ AGENT_TOKEN_FILE: file }).trim()).toBe('agent_prod_secret')
    expect(() => readAgentToken({ AGENT_TOKEN_FILE: join(directory, 'absent') })).toThrow(
      /AGENT_TOKEN_FILE: .*absent cannot be read/,
    )
  })

  test('refuses two tokens without showing either', () => {
    const read = (): string => readAgentToken({ AGENT_TOKEN: 'agent_prod_secret', AGENT_TOKEN_FILE: '/token' })
    expect(read).toThrow(EnvironmentError)
    expect(read).not.toThrow(/secret/)
  })

  test('reads the options of the type and of every agent, and ignores other variables', () => {
    const environment = { SCAN_DEPTH: '3', LOG_LEVEL: 'debug', COLLECT_INTERVAL: '', PATH: '/bin', HOME: '/root' }
    expect(configFromEnvironment(hosts, environment)).toEqual({ scan_depth: '3', log_level: 'debug' })
  })

  test('finds variables that look like misspelt options', () => {
    const environment = {
      COLECT_INTERVAL: '5s',
      SCAN_DEPT: '1',
      PATH: '/bin',
      LOG_LEVEL: 'info',
      AGENT_TOKEN_FIEL: '/token',
    }
    expect(findMisspelt(environment, hosts)).toEqual([
      { name: 'COLECT_INTERVAL', suggestion: 'COLLECT_INTERVAL' },
      { name: 'SCAN_DEPT', suggestion: 'SCAN_DEPTH' },
      { name: 'AGENT_TOKEN_FIEL', suggestion: 'AGENT_TOKEN_FILE' },
    ])
  })

  test('reads the address of the health endpoint, or `off`', () => {
    expect(readHealthAddress({})).toEqual({ port: 8687 })
    expect(readHealthAddress({ RCA_HEALTH_PORT: '0' })).toEqual({ port: 0 })
    expect(readHealthAddress({ RCA_HEALTH_PORT: 'off', RCA_HEALTH_SOCKET: '/tmp/health' })).toBeUndefined()
    expect(readHealthAddress({ RCA_HEALTH_SOCKET: '/tmp/health' })).toEqual({ socket: '/tmp/health' })
    expect(readHealthAddress({ RCA_HEALTH_PORT: '80', RCA_HEALTH_SOCKET: '/tmp/health' })).toEqual({ port: 80 })
    for (const text of ['65536', '-1', 'http', '1.5'])
      expect(() => readHealthAddress({ RCA_HEALTH_PORT: text })).toThrow(/RCA_HEALTH_PORT/)
    expect(() => readHealthAddress({ RCA_HEALTH_SOCKET: 'health' })).toThrow(/RCA_HEALTH_SOCKET/)
  })

  test('keeps no state when the state directory is empty', () => {
    expect(readStateDirectory({ RCA_STATE_DIR: ' ' })).toBeUndefined()
    expect(readStateDirectory({ RCA_STATE_DIR: '/var/lib/rca-agent' })).toBe('/var/lib/rca-agent')
  })

  test('holds everything that an agent is created from', async () => {
    const variables = { PLATFORM_API_URL: 'https://api.example.com', AGENT_TOKEN: 'agent_shop', AGENT_TYPE: ' hosts ' }
    const options = { connector: hosts, platformUrl: 'https://api.example.com', agentToken: 'agent_shop' }
    expect(await readAgentOptions(variables, registry)).toEqual({ ...options, config: {} })
    const more = { ...variables, RCA_STATE_DIR: '/state', SCAN_DEPTH: '2' }
    expect(await readAgentOptions(more, registry)).toEqual({
      ...options,
      stateDirectory: '/state',
      config: { scan_depth: '2' },
    })
  })
})
