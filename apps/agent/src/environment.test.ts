import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configFromEnvironment, createRegistry } from '@rca/core'
import { defineConnector, sh } from '@rca/core/connector'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  EnvironmentError,
  findMisspelt,
  readAgentToken,
  readAgentType,
  readHealthAddress,
  readPlatformUrl,
  readStateDirectory,
} from './environment.ts'

const sample = defineConnector({
  type: 'sample',
  title: 'Sample',
  description: 'A connector without anything behind it',
  config: z.object({ sample_depth: z.number().default(1) }),
  signals: {},
  deploy: () => ({ command: sh`true` }),
  connect: async () => ({}),
  identify: async () => ({ id: '1', name: 'one', entity: { type: 'sample', id: '1' } }),
  disconnect: async () => undefined,
  collectors: {},
})
const registry = createRegistry([sample])
const directory = mkdtempSync(join(tmpdir(), 'rca-environment-'))
afterAll(() => rmSync(directory, { recursive: true }))

describe('the environment', () => {
  it('names the variable that is missing and what to set it to', () => {
    expect(() => readAgentType({}, registry)).toThrow(/AGENT_TYPE is not set.*sample/)
    expect(() => readPlatformUrl({ PLATFORM_API_URL: ' ' })).toThrow(/PLATFORM_API_URL is not set.*https:/)
    expect(() => readAgentToken({})).toThrow(/AGENT_TOKEN is not set.*AGENT_TOKEN_FILE/)
  })

  it('reads the token from a file, and says which file cannot be read', () => {
    const file = join(directory, 'token')
    writeFileSync(file, 'agent_prod_secret\n')
    expect(readAgentToken({ AGENT_TOKEN_FILE: file }).trim()).toBe('agent_prod_secret')
    expect(() => readAgentToken({ AGENT_TOKEN_FILE: join(directory, 'absent') })).toThrow(
      /AGENT_TOKEN_FILE names .*absent/,
    )
  })

  it('refuses two tokens without showing either', () => {
    const read = (): string => readAgentToken({ AGENT_TOKEN: 'agent_prod_secret', AGENT_TOKEN_FILE: '/token' })
    expect(read).toThrow(EnvironmentError)
    expect(read).not.toThrow(/secret/)
  })

  it("reads every option of the type and of every agent, and leaves out the rest of the process's variables", () => {
    const environment = { SAMPLE_DEPTH: '3', LOG_LEVEL: 'debug', COLLECT_INTERVAL: '', PATH: '/bin', HOME: '/root' }
    expect(configFromEnvironment(sample, environment)).toEqual({ sample_depth: '3', log_level: 'debug' })
  })

  it('finds variables that are one slip away from an option', () => {
    const environment = {
      COLECT_INTERVAL: '5s',
      SAMPLE_DEPT: '1',
      PATH: '/bin',
      LOG_LEVEL: 'info',
      AGENT_TOKEN_FIEL: '/token',
    }
    expect(findMisspelt(environment, sample)).toEqual([
      { name: 'COLECT_INTERVAL', meant: 'COLLECT_INTERVAL' },
      { name: 'SAMPLE_DEPT', meant: 'SAMPLE_DEPTH' },
      { name: 'AGENT_TOKEN_FIEL', meant: 'AGENT_TOKEN_FILE' },
    ])
  })

  it('reads where the health endpoint listens, which may be nowhere', () => {
    expect(readHealthAddress({})).toEqual({ port: 8687 })
    expect(readHealthAddress({ RCA_HEALTH_PORT: '0' })).toEqual({ port: 0 })
    expect(readHealthAddress({ RCA_HEALTH_PORT: 'off', RCA_HEALTH_SOCKET: '/tmp/health' })).toBeUndefined()
    expect(readHealthAddress({ RCA_HEALTH_SOCKET: '/tmp/health' })).toEqual({ socket: '/tmp/health' })
    expect(readHealthAddress({ RCA_HEALTH_PORT: '80', RCA_HEALTH_SOCKET: '/tmp/health' })).toEqual({ port: 80 })
    for (const text of ['65536', '-1', 'http', '1.5'])
      expect(() => readHealthAddress({ RCA_HEALTH_PORT: text })).toThrow(/RCA_HEALTH_PORT/)
    expect(() => readHealthAddress({ RCA_HEALTH_SOCKET: 'health' })).toThrow(/RCA_HEALTH_SOCKET/)
  })

  it('takes an empty state directory for none', () => {
    expect(readStateDirectory({ RCA_STATE_DIR: ' ' })).toBeUndefined()
    expect(readStateDirectory({ RCA_STATE_DIR: '/var/lib/rca-agent' })).toBe('/var/lib/rca-agent')
  })
})
