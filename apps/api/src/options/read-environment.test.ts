import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { OptionsError } from './api-options.ts'
import { readEnvironment } from './read-environment.ts'

describe('readEnvironment', () => {
  test('leaves everything to the defaults without variables', () => {
    expect(readEnvironment({ PATH: '/bin', PORT: '' })).toEqual({
      options: { databaseUrl: `sqlite:${resolve('rca.sqlite')}` },
      logLevel: 'info',
      misspelt: [],
    })
  })

  test('reads every variable', () => {
    const { options, logLevel } = readEnvironment({
      HOST: '0.0.0.0',
      PORT: '0',
      RCA_ADMIN_TOKEN: 'x'.repeat(32),
      DATABASE_URL: 'sqlite:./a.sqlite',
      RCA_TLS_CERT: '/etc/rca/tls.crt',
      RCA_TLS_KEY: '/etc/rca/tls.key',
      RCA_PUBLIC_URL: 'https://rca.example.com',
      RCA_HEARTBEAT_INTERVAL: '10s',
      RCA_TOKEN_GRACE: '1h',
      RCA_RETENTION: '30d',
      RCA_AUDIT_RETENTION: '90d',
      RCA_RATE_LIMIT: '10',
      RCA_RATE_LIMIT_UNAUTHENTICATED: '5',
      RCA_TRUST_PROXY: '10.0.0.0/8, ::1',
      RCA_BODY_LIMIT: '1024',
      RCA_BODY_LIMIT_DECODED: '4096',
      RCA_BODY_TIMEOUT: '5s',
      RCA_MAX_CONCURRENT_REQUESTS: '3',
      RCA_READ_THREADS: '0',
      RCA_MAX_CONCURRENT_READS: '5',
      RCA_READ_TIMEOUT: '1m',
      RCA_MAX_POINTS_SCANNED: '1000',
      LOG_LEVEL: 'debug',
    })
    expect(logLevel).toBe('debug')
    expect(options).toEqual({
      host: '0.0.0.0',
      port: 0,
      adminToken: 'x'.repeat(32),
      databaseUrl: `sqlite:${resolve('a.sqlite')}`,
      tlsCert: '/etc/rca/tls.crt',
      tlsKey: '/etc/rca/tls.key',
      publicUrl: 'https://rca.example.com',
      heartbeatInterval: '10s',
      tokenGrace: '1h',
      retention: '30d',
      auditRetention: '90d',
      rateLimit: 10,
      rateLimitUnauthenticated: 5,
      trustProxy: '10.0.0.0/8, ::1',
      bodyLimit: 1024,
      bodyLimitDecoded: 4096,
      bodyTimeout: '5s',
      maxConcurrentRequests: 3,
      readThreads: 0,
      maxConcurrentReads: 5,
      readTimeout: '1m',
      maxPointsScanned: 1000,
    })
  })

  test.each([
    ['sqlite:./a.sqlite', 'sqlite:/home/me/a.sqlite'],
    ['sqlite:../a.sqlite', 'sqlite:/home/a.sqlite'],
    ['sqlite:/data/a.sqlite', 'sqlite:/data/a.sqlite'],
    ['sqlite::memory:', 'sqlite::memory:'],
    [undefined, 'sqlite:/home/me/rca.sqlite'],
  ])('resolves the database %j from the folder of the user', (written, databaseUrl) => {
    const { options } = readEnvironment({ INIT_CWD: '/home/me', DATABASE_URL: written })
    expect(options.databaseUrl).toBe(databaseUrl)
  })

  test('reports a misspelt variable', () => {
    const { misspelt, options } = readEnvironment({ RCA_TOKEN_GRASE: '1h' })
    expect(misspelt).toEqual([{ variable: 'RCA_TOKEN_GRASE', suggestion: 'RCA_TOKEN_GRACE' }])
    expect(options).not.toHaveProperty('tokenGrace')
  })

  test.each([
    ['PORT', 'http'],
    ['PORT', '70000'],
    ['RCA_ADMIN_TOKEN', 'with space'],
    ['DATABASE_URL', 'postgres://secret@host/db'],
    ['DATABASE_URL', 'sqlite:'],
    ['RCA_PUBLIC_URL', 'rca.example.com'],
    ['RCA_TLS_CERT', 'tls.crt'],
    ['RCA_HEARTBEAT_INTERVAL', '30'],
    ['RCA_RETENTION', 'forever'],
    ['RCA_RATE_LIMIT', '0'],
    ['RCA_TRUST_PROXY', 'proxy.secret.example.com'],
    ['RCA_TRUST_PROXY', '10.0.0.0/33'],
    ['RCA_TRUST_PROXY', '10.0.0.1,'],
    ['RCA_TRUST_PROXY', '-1'],
    ['LOG_LEVEL', 'loud'],
  ])('names `%s` when it is %j, without its value', (name, value) => {
    const read = () => readEnvironment({ [name]: value })
    expect(read).toThrow(OptionsError)
    expect(read).toThrow(`\`${name}\``)
    expect(read).not.toThrow(`secret`)
  })

  test('names every invalid variable', () => {
    expect(() => readEnvironment({ PORT: 'x', RCA_RETENTION: 'y' })).toThrow(/`PORT`.*`RCA_RETENTION`/)
  })
})
