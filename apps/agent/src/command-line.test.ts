import { UnknownTypeError } from '@rca/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { captureOutput, hostRegistry } from '../test/fakes.ts'
import { runCommandLine } from './command-line.ts'
import { EnvironmentError } from './environment.ts'
import { EXIT_CODES, exitWith } from './exit.ts'
import { SERVICE_EXIT_CODES } from './service/service-error.ts'
import { waitForStopSignal } from './stop-signal.ts'

class Exit extends Error {}

let exitCode: typeof process.exitCode
const exit = vi.spyOn(process, 'exit')

beforeEach(() => {
  exitCode = process.exitCode
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true })
  exit.mockReset().mockImplementation((code) => {
    throw new Exit(String(code))
  })
})
afterEach(() => {
  process.exitCode = exitCode
  vi.clearAllTimers()
  vi.useRealTimers()
  vi.unstubAllEnvs()
})

describe('the command line', () => {
  test('types prints a line for each installed type', async () => {
    const output = captureOutput()
    await runCommandLine(hostRegistry(), ['types'])
    expect(output.stdout()).toBe('hosts\tWatch hosts\n')
    expect(process.exitCode).toBe(EXIT_CODES.ok)
  })

  test('types --json prints the options, and standard error the packages that cannot be used', async () => {
    const output = captureOutput()
    const registry = { ...hostRegistry(), problems: [{ package: '@acme/queues', message: 'contract 9' }] }
    await runCommandLine(registry as unknown as ReturnType<typeof hostRegistry>, ['types', '--json'])
    expect(JSON.parse(output.stdout())).toMatchObject({
      types: [{ type: 'hosts' }],
      problems: [{ message: 'contract 9' }],
    })
    expect(output.stderr()).toBe('contract 9\n')
  })

  test.each([
    [['update'], /use `rca-agent update --check` or `rca-agent update apply`/],
    [['update', 'apply', '--version', '1.0.0'], /no agent is installed in|only root/],
    [['update', '--check', '--prefix', '/srv/agent'], /no agent is installed in \/srv\/agent|only root/],
    [['update', 'apply', '--wait', 'long'], /--wait is `long`/],
  ])('%j says what is missing', async (words, message) => {
    const output = captureOutput()
    await runCommandLine(hostRegistry(), words)
    expect(output.stderr()).toMatch(message)
    expect([SERVICE_EXIT_CODES.usage, SERVICE_EXIT_CODES.notRoot]).toContain(process.exitCode)
  })

  test('collect prints one report', async () => {
    vi.stubEnv('AGENT_TYPE', 'hosts')
    const output = captureOutput()
    await runCommandLine(hostRegistry(), ['collect'])
    expect(JSON.parse(output.stdout())).toMatchObject({
      agent_type: 'hosts',
      data: { metrics: expect.arrayContaining([expect.objectContaining({ name: 'host.load', value: 0.5 })]) },
    })
    expect(process.exitCode).toBe(EXIT_CODES.ok)
  })

  test('collect --collector runs the named collectors, and --text prints lines', async () => {
    const output = captureOutput()
    vi.stubEnv('SCAN_DEPT', '2')
    await runCommandLine(hostRegistry(), ['collect', '--type', 'hosts', '--collector', 'hosts', '--text'])
    expect(output.stdout()).toMatch(/^entity {2}host web-1$/m)
    expect(output.stdout()).toMatch(/^metric {2}host\.load host\/web-1 0\.5 1$/m)
    expect(output.stderr()).toBe('Unknown variable SCAN_DEPT is ignored. Did you mean SCAN_DEPTH?\n')
    expect(process.exitCode).toBe(EXIT_CODES.ok)
  })

  test('collect names the collectors when one is unknown', async () => {
    const output = captureOutput()
    await runCommandLine(hostRegistry(), ['collect', '--type', 'hosts', '--collector', 'cpu'])
    expect(output.stderr()).toBe('--collector: hosts has no collector `cpu`. Its collectors are hosts\n')
    expect(process.exitCode).toBe(EXIT_CODES.usage)
  })

  test('collect exits with 3 when nothing can be read', async () => {
    const output = captureOutput()
    const registry = hostRegistry({ connect: () => Promise.reject(new Error('the socket does not exist')) })
    await runCommandLine(registry, ['collect', '--type', 'hosts'])
    expect(output.stderr()).toMatch(/Hosts cannot be read: .*the socket does not exist/)
    expect(process.exitCode).toBe(EXIT_CODES.unhealthy)
  })

  test.each(['run', 'doctor'])('%s reads the environment', async (command) => {
    vi.stubEnv('PLATFORM_API_URL', '')
    const output = captureOutput()
    const before = { SIGTERM: process.listeners('SIGTERM'), SIGINT: process.listeners('SIGINT') }
    await runCommandLine(hostRegistry(), [command])
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      for (const listener of process.listeners(signal))
        if (!before[signal].includes(listener)) process.off(signal, listener)
    expect(output.stdout() + output.stderr()).toContain('PLATFORM_API_URL is not set')
    expect(process.exitCode).toBe(command === 'run' ? EXIT_CODES.usage : EXIT_CODES.unhealthy)
  })

  test('--help spells out RCA, and lists every variable and exit code', async () => {
    const output = captureOutput()
    await expect(runCommandLine(hostRegistry(), ['--help'])).rejects.toThrow(Exit)
    expect(exit).toHaveBeenCalledWith(EXIT_CODES.ok)
    for (const word of ['Root-cause analysis (RCA)', 'AGENT_TOKEN_FILE', 'RCA_HEALTH_SOCKET', 'Exit codes: 0'])
      expect(output.stdout()).toContain(word)
  })

  test('an unknown command is a usage error', async () => {
    captureOutput()
    await expect(runCommandLine(hostRegistry(), ['wach'])).rejects.toThrow(Exit)
    expect(exit).toHaveBeenCalledWith(EXIT_CODES.usage)
  })
})

describe('exitWith', () => {
  test.each([
    [new EnvironmentError('AGENT_TYPE is not set'), EXIT_CODES.usage, /^AGENT_TYPE is not set\n$/],
    [new UnknownTypeError('host', ['hosts']), EXIT_CODES.usage, /^[^\n]*hosts[^\n]*\n$/],
    [new TypeError('undefined is not a function'), EXIT_CODES.crashed, /undefined is not a function\n +at /],
    ['a string', EXIT_CODES.crashed, /^a string\n$/],
  ])('prints %s and exits with %i', async (error, code, text) => {
    const output = captureOutput()
    await exitWith(() => Promise.reject(error))
    expect(output.stderr()).toMatch(text)
    expect(process.exitCode).toBe(code)
  })

  test('exits a second later when something keeps the process alive', async () => {
    exit.mockImplementation(() => undefined as never)
    await exitWith(async () => EXIT_CODES.ok)
    expect(exit).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1_000)
    expect(exit).toHaveBeenCalledOnce()
  })
})

test('waitForStopSignal resolves with the first signal, ignores a second SIGTERM, and exits at a second SIGINT', async () => {
  const signals = ['SIGTERM', 'SIGINT'] as const
  const before = signals.map((signal) => process.listeners(signal))
  const stop = waitForStopSignal()
  const added = signals.map((signal, index) =>
    process.listeners(signal).filter((listener) => !before[index]?.includes(listener)),
  )
  const send = (signal: (typeof signals)[number]): void => {
    for (const listener of added[signals.indexOf(signal)] ?? []) listener(signal as 'SIGTERM')
  }
  send('SIGTERM')
  expect(await stop).toBe('SIGTERM')
  send('SIGTERM')
  expect(exit).not.toHaveBeenCalled()
  expect(() => send('SIGINT')).toThrow('130')
  signals.forEach((signal, index) => {
    for (const listener of added[index] ?? []) process.off(signal, listener)
  })
})
