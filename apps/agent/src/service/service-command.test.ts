import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { captureOutput, hostRegistry, temporaryDirectory } from '../../test/fakes.ts'
import { runCommandLine } from '../command-line.ts'
import { SERVICE_EXIT_CODES } from './service-error.ts'

let exitCode: typeof process.exitCode

beforeEach(() => {
  exitCode = process.exitCode
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true })
})
afterEach(() => {
  process.exitCode = exitCode
  vi.clearAllTimers()
  vi.useRealTimers()
})

/** Runs a command of `rca-agent service` for an installation that does not exist. */
async function service(...words: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const output = captureOutput()
  await runCommandLine(hostRegistry(), ['service', ...words])
  return { code: process.exitCode, stdout: output.stdout(), stderr: output.stderr() }
}

describe('rca-agent service', () => {
  const prefix = () => join(temporaryDirectory(), 'agent')

  test('install refuses an agent that is not part of an archive', async () => {
    const { code, stderr } = await service('install', '--dry-run', '--prefix', prefix())
    expect(stderr).toMatch(/^rca-agent: this rca-agent is not part of an archive/)
    expect(code).toBe(SERVICE_EXIT_CODES.usage)
  })

  test('status says that no service runs', async () => {
    const { code, stdout } = await service('status', '--prefix', prefix())
    expect(stdout).toMatch(/^service {4}not running/)
    expect(stdout).toContain('heartbeat  none accepted yet')
    expect(code).toBe(3)
  })

  test('run refuses when nothing is installed', async () => {
    const { code, stderr } = await service('run', '--prefix', prefix())
    expect(stderr).toMatch(/Install the agent first|only root can run the service/)
    expect([SERVICE_EXIT_CODES.usage, SERVICE_EXIT_CODES.notRoot]).toContain(code)
  })

  test('refuses a prefix that some files would have to quote', async () => {
    const { code, stderr } = await service('status', '--prefix', '/opt/a b')
    expect(stderr).toContain('--prefix: `/opt/a b` must be an absolute path')
    expect(code).toBe(SERVICE_EXIT_CODES.usage)
  })
})
