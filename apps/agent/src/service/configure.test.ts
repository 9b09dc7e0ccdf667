import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { captureOutput, hostRegistry } from '../../test/fakes.ts'
import { runCommandLine } from '../command-line.ts'
import { configure } from './configure.ts'
import { parseEnvironmentFile } from './environment-file.ts'

const options = { platformUrl: 'https://rca.example.com/', agentType: 'hosts', set: ['scan_depth=3'] }

function makeFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), 'rca-configure-'))
  onTestFinished(() => rmSync(parent, { recursive: true }))
  return join(parent, 'rca-agent')
}

describe('rca-agent service configure', () => {
  test('writes the environment of the agent, which only its owner can read', async () => {
    const folder = makeFolder()
    await configure({ ...options, folder }, { AGENT_TOKEN: 'token' }, hostRegistry())
    expect(parseEnvironmentFile(readFileSync(join(folder, 'agent.env'), 'utf8'))).toEqual({
      PLATFORM_API_URL: 'https://rca.example.com',
      AGENT_TOKEN: 'token',
      AGENT_TYPE: 'hosts',
      SCAN_DEPTH: '3',
      RCA_STATE_DIR: join(folder, 'state'),
      NODE_USE_SYSTEM_CA: '1',
    })
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, 'agent.env')).mode & 0o777).toBe(0o600)
  })

  test('replaces a file that others can read', async () => {
    const folder = makeFolder()
    await configure({ ...options, folder }, { AGENT_TOKEN: 'first' }, hostRegistry())
    writeFileSync(join(folder, 'agent.env.new'), 'left by a process that was killed', { mode: 0o644 })
    await configure({ ...options, folder }, { AGENT_TOKEN: 'second' }, hostRegistry())
    expect(readFileSync(join(folder, 'agent.env'), 'utf8')).toContain('AGENT_TOKEN="second"')
    expect(statSync(join(folder, 'agent.env')).mode & 0o777).toBe(0o600)
  })

  test('copies CA certificates, and removes them again', async () => {
    const folder = makeFolder()
    const caFile = join(folder, '../own.pem')
    writeFileSync(caFile, '-----BEGIN CERTIFICATE-----')
    await configure({ ...options, folder, caFile }, { AGENT_TOKEN: 'token' }, hostRegistry())
    expect(readFileSync(join(folder, 'ca.pem'), 'utf8')).toContain('BEGIN CERTIFICATE')
    await configure({ ...options, folder }, { AGENT_TOKEN: 'token' }, hostRegistry())
    expect(existsSync(join(folder, 'ca.pem'))).toBe(false)
  })

  test.each([
    [['--agent-type', 'host'], /hosts/],
    [['--agent-type', 'hosts', '--set', 'scan_dept=1'], /Did you mean `scan_depth`/],
    [['--agent-type', 'hosts', '--set', 'debug'], /is not `name=value`/],
    [['--agent-type', 'hosts', '--set', 'auto_update=on'], /has no unattended updates/],
    [[], /--agent-type is missing/],
  ])('writes nothing for the wrong options %j', async (words, message) => {
    const folder = makeFolder()
    const output = captureOutput()
    const before = process.exitCode
    onTestFinished(() => {
      process.exitCode = before
    })
    const fixed = ['--folder', folder, '--platform-url', 'https://rca.example.com', '--agent-token', 'token']
    await runCommandLine(hostRegistry(), ['service', 'configure', ...fixed, ...words])
    expect(output.stderr()).toMatch(message)
    expect(process.exitCode).toBe(2)
    expect(existsSync(folder)).toBe(false)
  })
})
