import { expect, test } from 'vitest'
import { powershell } from './powershell.ts'
import { environmentVariables } from './settings.ts'
import { sh } from './sh.ts'
import { continued, createShellCommand, isShellCommand, type ShellCommand } from './shell-command.ts'

test('a command gives its text to strings and to JSON, and cannot be changed', () => {
  const command = sh`echo ${'a b'}`
  expect(`${command}`).toBe("echo 'a b'")
  expect(JSON.stringify({ command })).toBe(`{"command":"echo 'a b'"}`)
  expect(command.shell).toBe('sh')
  expect(Object.isFrozen(command)).toBe(true)
})

test('only what a template made is a command', () => {
  expect(isShellCommand(sh`ls`)).toBe(true)
  expect(isShellCommand(createShellCommand('powershell', 'dir'))).toBe(true)
  expect(isShellCommand('ls')).toBe(false)
  expect(isShellCommand(null)).toBe(false)
  expect(isShellCommand(JSON.parse('{"kind":"shell-command","shell":"sh","text":"ls"}'))).toBe(false)
})

test('the specification’s Docker command', () => {
  const variables = environmentVariables({
    platformUrl: 'https://api.example.com',
    agentToken: 'docker-token',
    agentType: 'docker',
    config: {},
    settings: { log_level: 'debug' },
    deploymentSettings: {},
    hostPlatform: 'linux',
  })
  const command = continued([
    sh`docker run -d --name ${'incident-rca-agent'}`,
    ...variables.map((variable) => sh`-e ${variable}`),
    sh`${'incident-rca/agent:latest'}`,
  ])
  expect(command.text).toBe(
    [
      'docker run -d --name incident-rca-agent \\',
      '  -e PLATFORM_API_URL=https://api.example.com \\',
      '  -e AGENT_TOKEN=docker-token \\',
      '  -e AGENT_TYPE=docker \\',
      '  -e LOG_LEVEL=debug \\',
      '  incident-rca/agent:latest',
    ].join('\n'),
  )
})

test('PowerShell lines are continued with a backtick', () => {
  expect(continued([powershell`docker run`, powershell``, powershell`-e ${'A=b'}`]).text).toBe(
    "docker run `\n  -e 'A=b'",
  )
})

test.each<[string, readonly ShellCommand[], string]>([
  ['nothing', [], 'one or more commands'],
  ['text', ['ls' as unknown as ShellCommand], 'one or more commands'],
  ['two shells', [sh`ls`, powershell`dir`], 'commands of one shell'],
])('does not join %s', (_what, parts, message) => {
  expect(() => continued(parts)).toThrow(TypeError)
  expect(() => continued(parts)).toThrow(message)
})
