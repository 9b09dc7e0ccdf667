import { planDeployment, type RawConfig } from '@rca/core'
import { describe, expect, test } from 'vitest'
import { server } from './connector.ts'

const plan = (config: RawConfig = {}, hostPlatform = 'linux', agentToken = 'server-token') =>
  planDeployment(server, { platformUrl: 'https://api.example.com', agentToken, config, hostPlatform })

describe('Linux', () => {
  test('without settings', () => {
    const { command, verify, uninstall } = plan()
    expect(command).toBe(`curl -fsSL https://api.example.com/install/agent.sh | bash -s -- \\
  --platform-url https://api.example.com \\
  --agent-token server-token \\
  --agent-type server`)
    expect(verify).toBe('/opt/rca-agent/current/bin/rca-agent service status')
    expect(uninstall).toBe('curl -fsSL https://api.example.com/install/agent.sh | bash -s -- --uninstall')
  })

  test('with unattended updates, which only Linux has', () => {
    const config = { auto_update: 'on', auto_update_window: '23:30-01:00', log_level: 'debug' }
    const { command, alternatives } = plan(config, 'darwin')
    expect(command).toMatch(
      /agent\.sh \| bash .* --set log_level=debug \\\n {2}--set auto_update=on \\\n {2}--set auto_update_window=23:30-01:00$/s,
    )
    expect(Object.keys(alternatives ?? {})).toEqual(['linux'])
    const off = plan({ auto_update: 'off' })
    expect(off.command).toMatch(/ --set auto_update=off$/)
    expect(Object.keys(off.alternatives ?? {})).toEqual(['linux', 'macos', 'windows'])
    expect(off.alternatives?.macos?.command).not.toContain('auto_update')
  })

  test('with quoted settings, without the options of the command itself', () => {
    const config = {
      install_url: 'https://mirror.example.com/a b/',
      platform: 'linux',
      log_level: 'debug',
      root_path: '/it is mine',
      top_processes: '5',
    }
    expect(plan(config).command).toBe(`curl -fsSL 'https://mirror.example.com/a b/agent.sh' | bash -s -- \\
  --platform-url https://api.example.com \\
  --agent-token server-token \\
  --agent-type server \\
  --set log_level=debug \\
  --set 'root_path=/it is mine' \\
  --set top_processes=5`)
  })
})

test('macOS: with settings', () => {
  const { command, verify, uninstall } = plan({ platform: 'macos', log_level: 'debug' })
  expect(
    command,
  ).toBe(`curl -fsSL --create-dirs -o "$( brew --repository rca/agent )"/Formula/rca-agent.rb https://api.example.com/install/agent.rb && \\
  HOMEBREW_NO_AUTO_UPDATE=1 brew install rca/agent/rca-agent && \\
  sudo "$( brew --prefix )"/bin/rca-agent service install \\
  --platform-url https://api.example.com \\
  --agent-token server-token \\
  --agent-type server \\
  --set log_level=debug`)
  expect(verify).toBe('sudo "$( brew --prefix )"/bin/rca-agent service status')
  expect(uninstall).toBe(
    'sudo "$( brew --prefix )"/bin/rca-agent service uninstall && brew uninstall rca-agent && brew untap rca/agent',
  )
})

describe('Windows', () => {
  test('plain values: for PowerShell and for the Command Prompt', () => {
    const { command, verify, uninstall, prerequisites } = plan({ platform: 'windows', log_level: 'debug' })
    expect(command).toBe(
      `powershell -Command irm 'https://api.example.com/install/agent.ps1' "| iex; Install-RcaAgent" -PlatformUrl 'https://api.example.com' -AgentToken 'server-token' -AgentType 'server' 'log_level=debug'`,
    )
    expect(verify).toBe('powershell -Command Get-Service rca-agent')
    expect(uninstall).toBe(
      `powershell -Command irm 'https://api.example.com/install/agent.ps1' "| iex; Uninstall-RcaAgent"`,
    )
    expect(prerequisites).toEqual(['PowerShell or the Command Prompt runs as administrator'])
  })

  test.each(["it's;$HOME", '%PATH%', '`', '-Force', 'a,b', '&calc'])('the token %s: for PowerShell alone', (token) => {
    const { command, prerequisites } = plan({ platform: 'windows' }, 'linux', token)
    expect(command).toBe(
      `irm 'https://api.example.com/install/agent.ps1' | iex; Install-RcaAgent -PlatformUrl 'https://api.example.com' -AgentToken '${token.replaceAll("'", "''")}' -AgentType 'server'`,
    )
    expect(prerequisites).toEqual(['PowerShell, and not the Command Prompt, runs as administrator'])
  })

  test('a setting with a blank: for PowerShell alone', () => {
    const { command } = plan({ platform: 'windows', root_path: '/a b' })
    expect(command).toMatch(/^irm .* -AgentType 'server' 'root_path=\/a b'$/)
  })

  test('an installer whose URL is not plain', () => {
    const { uninstall } = plan({ platform: 'windows', install_url: 'https://mirror.example.com/a~b' })
    expect(uninstall).toBe(`irm 'https://mirror.example.com/a~b/agent.ps1' | iex; Uninstall-RcaAgent`)
  })
})

describe('the operating system', () => {
  test.each([
    ['linux', 'curl -fsSL https://'],
    ['darwin', 'curl -fsSL --create-dirs '],
    ['win32', 'powershell '],
    ['freebsd', 'curl -fsSL https://'],
  ])('defaults on %s to the command that begins with %s', (hostPlatform, beginning) => {
    expect(plan({}, hostPlatform).command.startsWith(beginning)).toBe(true)
  })

  test('is the operator’s choice if there is one', () => {
    expect(plan({ platform: 'windows' }, 'darwin').command).toMatch(/^powershell /)
  })

  test('has all three among the alternatives', () => {
    const { alternatives } = plan({ platform: 'macos' })
    expect(Object.keys(alternatives ?? {})).toEqual(['linux', 'macos', 'windows'])
    expect(alternatives?.macos?.command).toBe(plan({ platform: 'macos' }).command)
    expect(alternatives?.linux?.command).toBe(plan().command)
  })

  test('omits the Windows alternative for a value that PowerShell cannot quote, and fails if Windows is chosen', () => {
    const config = { root_path: '/a"b' }
    expect(Object.keys(plan(config).alternatives ?? {})).toEqual(['linux', 'macos'])
    expect(() => plan({ ...config, platform: 'windows' })).toThrow('double quote')
  })
})

test('rejects invalid options', () => {
  expect(() => plan({ platform: 'solaris' })).toThrow('`platform`')
  expect(() => plan({ top_process: '3' })).toThrow('`top_processes`')
  expect(() => plan({ install_url: 'ftp://example.com' })).toThrow('`install_url`')
  expect(() => plan({ auto_update: 'yes' })).toThrow('`auto_update`')
  for (const platform of ['macos', 'windows'])
    expect(() => plan({ auto_update: 'on', platform })).toThrow(
      expect.objectContaining({
        issues: [{ path: ['auto_update'], message: expect.stringMatching(/^is available on Linux only/) }],
      }),
    )
  for (const window of ['2-4', '02:00', '25:00-26:00', '02:00-02:00', '02:00-04:00-05:00', '02:00-04:00\n'])
    expect(() => plan({ auto_update_window: window })).toThrow('`auto_update_window` must be two different times')
})
