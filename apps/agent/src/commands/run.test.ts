import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { Logger } from '@rca/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { hostRegistry, startFakePlatform } from '../../test/fakes.ts'
import { EXIT_CODES } from '../exit.ts'
import { run } from './run.ts'

interface Line {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** Starts `run` against a platform that accepts everything. */
async function startRun(environment: Record<string, string> = {}, registry = hostRegistry()) {
  const now = new Date().toISOString()
  const body = { accepted: 1, duplicates: 0, interval_seconds: 30, server_time: now }
  const platform = await startFakePlatform({ status: 200, body })
  const lines: Line[] = []
  const log =
    (level: string): Logger['info'] =>
    (fields, message) => {
      lines.push({ level, fields, message })
    }
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const { promise: stop, resolve: sendSignal } = Promise.withResolvers<NodeJS.Signals>()
  const variables = {
    PLATFORM_API_URL: platform.url,
    AGENT_TOKEN: 'agent_shop_token',
    AGENT_TYPE: 'hosts',
    RCA_HEALTH_PORT: '0',
    ...environment,
  }
  const listeners = process.listeners('uncaughtException')
  const ended = run(registry, variables, stop, () => logger)
  onTestFinished(async () => {
    sendSignal('SIGTERM')
    await ended.catch(() => undefined)
    for (const listener of process.listeners('uncaughtException'))
      if (!listeners.includes(listener)) process.off('uncaughtException', listener)
  })
  const find = (message: string): Promise<Line> =>
    vi.waitFor(
      () => lines.find((line) => line.message.startsWith(message)) ?? Promise.reject(new Error(message)),
      20_000,
    )
  return { platform, lines, find, sendSignal, ended }
}

describe('run', () => {
  test('serves its health, reports to the platform, and exits with 0 after a signal', async () => {
    const { platform, find, sendSignal, ended, lines } = await startRun()
    const { fields } = await find('agent started')
    expect(fields).toMatchObject({ agent_type: 'hosts', platform_url: platform.url })
    const health = await fetch(String(fields.health_url))
    expect(await health.json()).toMatchObject({ state: 'running', agent_type: 'hosts' })
    await vi.waitFor(() => expect(platform.requests).toContain('/api/v1/agent/data'), { timeout: 10_000 })
    sendSignal('SIGINT')
    expect(await ended).toBe(EXIT_CODES.ok)
    // This process is platform and client as well, whose sockets are logged at debug.
    const last = lines.filter(({ level }) => level !== 'debug').slice(-2)
    expect(last).toMatchObject([{ fields: { signal: 'SIGINT' } }, { message: 'stopped' }])
    await expect(fetch(String(fields.health_url))).rejects.toThrow()
  })

  test('stops although the connector never connects', async () => {
    const registry = hostRegistry({ connect: () => new Promise(() => undefined) })
    const { sendSignal, ended } = await startRun({}, registry)
    sendSignal('SIGTERM')
    expect(await ended).toBe(EXIT_CODES.ok)
  })

  test('warns of misspelt variables and of connector packages that cannot be used', async () => {
    const problem = { package: '@acme/rca-connector-queues', message: 'contract 9 is not supported' }
    const registry = { ...hostRegistry(), problems: [problem] } as unknown as ReturnType<typeof hostRegistry>
    const { find } = await startRun({ SCAN_DEPT: '2' }, registry)
    expect(await find('unknown environment variable')).toMatchObject({
      level: 'warn',
      fields: { variable: 'SCAN_DEPT', suggestion: 'SCAN_DEPTH' },
    })
    expect(await find('connector package')).toMatchObject({
      level: 'warn',
      fields: { package: problem.package, reason: problem.message },
    })
  })

  test('runs without a health endpoint when its port is taken, and with RCA_HEALTH_PORT=off', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const { find } = await startRun({ RCA_HEALTH_PORT: String(port) })
    expect(await find('health endpoint is off')).toMatchObject({
      level: 'warn',
      fields: { port, reason: expect.stringContaining('EADDRINUSE') },
    })
    expect((await find('agent started')).fields.health_url).toBeUndefined()
    const off = await startRun({ RCA_HEALTH_PORT: 'off' })
    expect((await off.find('agent started')).fields.health_url).toBeUndefined()
  })

  test('logs a rejection that a connector forgot, without token and secrets, and goes on', async () => {
    const before = process.listeners('unhandledRejection')
    const { find, sendSignal, ended, lines } = await startRun({ PASSWORD: 'open-sesame' })
    await find('agent started')
    const added = process.listeners('unhandledRejection').filter((listener) => !before.includes(listener))
    const reason = new Error('401 for agent_shop_token with open-sesame at https://u:p%40ss@host/')
    for (const listener of added) listener(reason, Promise.resolve())
    expect(await find('unhandled promise rejection')).toMatchObject({
      level: 'error',
      fields: {
        agent_type: 'hosts',
        reason: 'Error: 401 for [redacted] with [redacted] at https://u:[redacted]@host/',
        stack: expect.stringMatching(
          /^Error: 401 for \[redacted\] with \[redacted\] at https:\/\/u:\[redacted\]@host\/\n +at .*run\.test\.ts/,
        ),
      },
    })
    for (const listener of added) listener(reason, Promise.resolve())
    const logged = lines.filter(({ message }) => message === 'unhandled promise rejection')
    expect(logged.map(({ level }) => level)).toEqual(['error', 'debug'])
    sendSignal('SIGTERM')
    expect(await ended).toBe(EXIT_CODES.ok)
    // A rejection after `stop` and before the process ends is logged too.
    expect(process.listeners('unhandledRejection')).toEqual([...before, ...added])
    for (const listener of added) process.off('unhandledRejection', listener)
  })

  test('rejects with the variable that is missing', async () => {
    const { ended } = await startRun({ AGENT_TYPE: '' })
    await expect(ended).rejects.toThrow(/AGENT_TYPE is not set/)
  })
})
