import { command, type Deployment, type DeploymentTarget, powershell } from '@rca/core/connector'
import type { ServerConfig } from './config.ts'

type Target = DeploymentTarget<ServerConfig>
type Platform = NonNullable<ServerConfig['platform']>

/** Name of the Homebrew tap with the formula. */
const TAP = 'rca/agent'
/** Folder in which `agent.sh` installs. `/usr/local/bin`, with a link to the program, may be read-only. */
const PREFIX = '/opt/rca-agent'
const NEW_LINE = { newLine: true } as const

const PLATFORMS: Readonly<Record<Platform, (target: Target) => Deployment>> = { linux, macos, windows }

/**
 * Plans how to install an agent on a server with the operating system `config.platform`, or else `hostPlatform`.
 * The alternatives contain the commands for all three systems, except for a system whose shell cannot quote a
 * value. With `auto_update: on`, which only Linux has, the command for Linux is the only one.
 *
 * The installers take the same arguments on every system: the platform's URL, the token, the agent's type, and
 * settings as `key=value`. On Linux these are the flags `--platform-url`, `--agent-token`, `--agent-type` and,
 * repeated, `--set` of `agent.sh`, and `--uninstall` alone; on macOS the same flags of `rca-agent service install`; on
 * Windows the parameters `-PlatformUrl`, `-AgentToken` and `-AgentType` of the function `Install-RcaAgent` that
 * `agent.ps1` defines, followed by the settings, and `Uninstall-RcaAgent` without any. Each installs a service
 * named `rca-agent`. The platform serves the installers.
 */
export function deploy(target: Target): Deployment {
  const chosen = target.config.platform ?? platformOf(target.hostPlatform)
  if (target.config.auto_update === 'on') return { ...linux(target), alternatives: { linux: linux(target) } }
  const alternatives: Record<string, Deployment> = {}
  for (const [name, plan] of Object.entries(PLATFORMS)) {
    try {
      alternatives[name] = plan(target)
    } catch (error) {
      if (name === chosen || !isQuotingError(error)) throw error
    }
  }
  return { ...PLATFORMS[chosen](target), alternatives }
}

/** Returns true for a `ShellQuotingError` of any copy of core. */
function isQuotingError(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'RCA_SHELL_WORD_INVALID'
}

function platformOf(hostPlatform: string): Platform {
  if (hostPlatform === 'darwin') return 'macos'
  return hostPlatform === 'win32' ? 'windows' : 'linux'
}

function linux(target: Target): Deployment {
  const download = command('curl', '-fsSL', installerUrl(target, 'agent.sh'))
  return {
    prerequisites: ['you are root on a Linux server that has curl and bash (`sudo -i` makes you root)'],
    command: download.pipe(command('bash', '-s', '--', ...flags(target, UPDATE_OPTIONS))),
    // Works with every service manager, and without one.
    verify: command(`${PREFIX}/current/bin/rca-agent`, 'service', 'status'),
    uninstall: download.pipe(command('bash', '-s', '--', '--uninstall')),
  }
}

/**
 * Downloads the formula into a tap on this machine, since Homebrew installs formulae from taps only. Creates the folder
 * of the tap without `brew tap-new`, a developer command that would switch Homebrew to its development branch. With its
 * full name, Homebrew trusts the formula, and no others of the tap (docs.brew.sh/Tap-Trust).
 */
function macos(target: Target): Deployment {
  const { word, assignment } = command
  const formula = word(command('brew', '--repository', TAP).output(), '/Formula/rca-agent.rb')
  const agent = word(command('brew', '--prefix').output(), '/bin/rca-agent')
  return {
    prerequisites: ['Homebrew is installed on a Mac with Apple silicon, and you may use sudo'],
    command: command('curl', '-fsSL', '--create-dirs', '-o', formula, installerUrl(target, 'agent.rb'))
      .and(command(assignment('HOMEBREW_NO_AUTO_UPDATE', '1'), 'brew', 'install', `${TAP}/rca-agent`), NEW_LINE)
      .and(command('sudo', agent, 'service', 'install', ...flags(target)), NEW_LINE),
    verify: command('sudo', agent, 'service', 'status'),
    uninstall: command('sudo', agent, 'service', 'uninstall')
      .and(command('brew', 'uninstall', 'rca-agent'))
      .and(command('brew', 'untap', TAP)),
  }
}

/** Options of the command that `agent.sh` passes on, since they concern the service rather than the agent. */
const UPDATE_OPTIONS = ['auto_update', 'auto_update_window']

/** Returns the flags of `agent.sh` and `rca-agent service install`, one per line. */
function flags(target: Target, deploymentOptions: readonly string[] = []): string[][] {
  const { deploymentSettings } = target
  const chosen = Object.entries(deploymentSettings).filter(([name]) => deploymentOptions.includes(name))
  return [
    ['--platform-url', target.platformUrl],
    ['--agent-token', target.agentToken],
    ['--agent-type', target.agentType],
    ...[...settingsOf(target), ...chosen.map(toSetting)].map((setting) => ['--set', setting]),
  ]
}

/** Words that PowerShell reads as one plain text even without quotes. */
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_./:=+-]*$/

function windows(target: Target): Deployment {
  const { raw } = powershell
  const installer = installerUrl(target, 'agent.ps1')
  const { platformUrl, agentToken, agentType } = target
  const settings = settingsOf(target)
  const parameters = [raw`-PlatformUrl`, platformUrl, raw`-AgentToken`, agentToken, raw`-AgentType`, agentType]
  const isPlain = [installer, platformUrl, agentToken, agentType, ...settings].every((word) => PLAIN.test(word))
  const download = powershell(raw`irm`, installer).pipe(powershell(raw`iex`))
  return {
    prerequisites: [
      isPlain
        ? 'PowerShell or the Command Prompt runs as administrator'
        : 'PowerShell, and not the Command Prompt, runs as administrator',
    ],
    // `powershell -Command` joins its arguments and parses the result, so that the parameters follow the function.
    // PowerShell removes the single quotes first, and the Command Prompt does not: plain words work in both.
    // Other words would be parsed twice, so the PowerShell in which the command is pasted runs the function itself.
    command: isPlain
      ? powershell(raw`powershell -Command irm`, installer, raw`"| iex; Install-RcaAgent"`, ...parameters, ...settings)
      : download.followedBy(powershell(raw`Install-RcaAgent`, ...parameters, ...settings)),
    verify: powershell(raw`powershell -Command Get-Service rca-agent`),
    uninstall: PLAIN.test(installer)
      ? powershell(raw`powershell -Command irm`, installer, raw`"| iex; Uninstall-RcaAgent"`)
      : download.followedBy(powershell(raw`Uninstall-RcaAgent`)),
  }
}

function installerUrl({ config, platformUrl }: Target, file: string): string {
  const folder = config.install_url?.replace(/\/+$/, '') ?? `${platformUrl}/install`
  return `${folder}/${file}`
}

/** Returns the operator's options for the agent, as `key=value`. */
function settingsOf({ settings }: Target): string[] {
  return Object.entries(settings).map(toSetting)
}

function toSetting([key, value]: readonly [string, string]): string {
  return `${key}=${value}`
}
