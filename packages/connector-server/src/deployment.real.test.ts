import { execFileSync, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { planDeployment } from '@rca/core'
import { realTest } from '@rca/rig/real'
import { expect } from 'vitest'
import { server } from './connector.ts'

const shells = ['bash', 'dash', 'sh'].filter((shell) => isInstalled(shell))

realTest(
  'the pasted Linux command gives the installer what was meant',
  isInstalled('curl') && shells.includes('bash'),
  async () => {
    const installer = createServer((_request, response) => response.end(`printf '%s\\0' "$@"\n`))
    await new Promise<void>((resolve) => installer.listen(0, '127.0.0.1', resolve))
    try {
      const { command } = planDeployment(server, {
        platformUrl: 'https://api.example.com',
        agentToken: 'agent_a$(id)`id`\'";&|',
        hostPlatform: 'linux',
        config: {
          install_url: `http://127.0.0.1:${(installer.address() as AddressInfo).port}`,
          root_path: '/a \'b\' "c" $HOME `id` \\ *',
          exclude_mounts: '/mnt/ü,/a;b',
        },
      })
      for (const shell of shells) {
        expect((await outputOf(shell, command)).split('\0')).toEqual([
          '--platform-url',
          'https://api.example.com',
          '--agent-token',
          'agent_a$(id)`id`\'";&|',
          '--agent-type',
          'server',
          '--set',
          'root_path=/a \'b\' "c" $HOME `id` \\ *',
          '--set',
          'exclude_mounts=/mnt/ü,/a;b',
          '',
        ])
      }
    } finally {
      installer.close()
    }
  },
)

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`])
    return true
  } catch {
    return false
  }
}

/** Not synchronous: the installer is served by this process. */
async function outputOf(shell: string, command: string): Promise<string> {
  const child = spawn(shell, ['-c', command], { env: { PATH: process.env.PATH, NO_PROXY: '127.0.0.1' } })
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  await new Promise((resolve) => child.on('close', resolve))
  return output
}
