import { describe, expect, test } from 'vitest'
import { type Command, command } from './command.ts'
import { describeDeployment } from './describe-deployment.ts'
import { powershell } from './powershell.ts'

describe('describeDeployment', () => {
  test('writes prerequisites, command, verification, notes and removal as numbered instructions', () => {
    const rendered = describeDeployment({
      prerequisites: [
        'Docker Engine 20.10 or newer is installed and running',
        'this host reaches https://api.example.com.',
      ],
      command: command('docker', 'run', '-d', '--name', 'agent', ['image']),
      verify: command('docker', 'logs', 'agent'),
      uninstall: command('docker', 'rm', '-f', 'agent'),
      notes: ['The token is shown once.'],
    })
    expect(rendered).toEqual({
      prerequisites: [
        'Docker Engine 20.10 or newer is installed and running',
        'this host reaches https://api.example.com.',
      ],
      command: 'docker run -d --name agent \\\n  image',
      verify: 'docker logs agent',
      uninstall: 'docker rm -f agent',
      instructions: [
        '1. Ensure that Docker Engine 20.10 or newer is installed and running.',
        '2. Ensure that this host reaches https://api.example.com.',
        '3. Run: docker run -d --name agent \\\n  image',
        '4. Verify that the agent runs: docker logs agent',
        'Note: The token is shown once.',
        'To remove the agent, run: docker rm -f agent',
      ].join('\n'),
    })
  })

  test('omits missing parts, and describes alternatives', () => {
    const rendered = describeDeployment({
      command: command('install'),
      alternatives: { windows: { command: powershell(powershell.raw`install`, 'a b') } },
    })
    expect(JSON.parse(JSON.stringify(rendered))).toEqual({
      prerequisites: [],
      command: 'install',
      instructions: '1. Run: install',
      alternatives: { windows: { prerequisites: [], command: "install 'a b'", instructions: "1. Run: install 'a b'" } },
    })
  })

  test('rejects a string in place of a command', () => {
    const text = 'docker run' as unknown as Command
    expect(() => describeDeployment({ command: text })).toThrow('`command` of a deployment must be a command')
    expect(() => describeDeployment({ command: command('ls'), verify: text })).toThrow('`verify` of a deployment')
  })
})
