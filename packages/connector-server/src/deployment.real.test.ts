import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

realTest(
  'the pasted macOS command downloads the formula into the tap, installs it, and makes the agent a service',
  isInstalled('curl') && shells.includes('bash'),
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-tap-'))
    const formulae = createServer((request, response) => response.end(`formula from ${request.url}`))
    await new Promise<void>((resolve) => formulae.listen(0, '127.0.0.1', resolve))
    try {
      // Stand-ins for Homebrew, sudo, and the agent that Homebrew installs.
      const print = `printf '%s\\n' "\${0##*/} \${HOMEBREW_NO_AUTO_UPDATE-} $*"`
      const scripts = {
        brew: `case $1 in --repository) echo '${folder}/it is'/"$2" ;; --prefix) echo '${folder}' ;; *) ${print} ;; esac`,
        sudo: '"$@"',
        'bin/rca-agent': print,
      }
      mkdirSync(join(folder, 'bin'))
      for (const [name, script] of Object.entries(scripts)) {
        writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
        chmodSync(join(folder, name), 0o755)
      }
      const platformUrl = `http://127.0.0.1:${(formulae.address() as AddressInfo).port}`
      const target = {
        platformUrl,
        agentToken: "agent_a'$HOME",
        hostPlatform: 'darwin',
        config: { log_level: 'debug' },
      }
      for (const shell of shells) {
        const output = await outputOf(shell, planDeployment(server, target).command, folder)
        expect(output.trim().split('\n')).toEqual([
          'brew 1 install rca/agent/rca-agent',
          `rca-agent  service install --platform-url ${platformUrl} --agent-token agent_a'$HOME --agent-type server --set log_level=debug`,
        ])
        const formula = join(folder, 'it is/rca/agent/Formula/rca-agent.rb')
        expect(readFileSync(formula, 'utf8')).toBe('formula from /install/agent.rb')
      }
    } finally {
      formulae.close()
      rmSync(folder, { recursive: true })
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
async function outputOf(shell: string, command: string, programs = '/nowhere'): Promise<string> {
  const child = spawn(shell, ['-c', command], {
    env: { PATH: `${programs}:${process.env.PATH}`, NO_PROXY: '127.0.0.1' },
  })
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  await new Promise((resolve) => child.on('close', resolve))
  return output
}
