import {
  continued,
  type Deployment,
  type DeploymentTarget,
  powershell,
  type ShellCommand,
  sh,
} from '@rca/core/connector'
import type { ServerConfig } from './config.ts'

type Target = DeploymentTarget<ServerConfig>
type Platform = NonNullable<ServerConfig['platform']>

const PLATFORMS: Readonly<Record<Platform, (target: Target) => Deployment>> = { linux, macos, windows }

/**
 * How an agent is installed on a server: for `config.platform`, or else the system on which the command is asked for. The
 * commands for all three systems are among the alternatives; one whose shell cannot carry a value is left out there.
 *
 * The installers take the same on every system: the platform's URL, the token, the agent's type, and settings as
 * `key=value`. On Linux these are the flags `--platform-url`, `--agent-token`, `--agent-type` and, repeated, `--set` of
 * `agent.sh`, and `--uninstall` alone; on macOS the same flags of `rca-agent configure`; on Windows the parameters
 * `-PlatformUrl`, `-AgentToken` and `-AgentType` of the function `Install-RcaAgent` that `agent.ps1` defines, followed by
 * the settings, and `Uninstall-RcaAgent` without any. Each installs a service named `rca-agent`.
 */
export function deploy(target: Target): Deployment {
  const chosen = target.config.platform ?? platformOf(target.hostPlatform)
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

/** Core's error for a value that a shell cannot carry, whichever copy of core threw it. */
function isQuotingError(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'RCA_SHELL_WORD_INVALID'
}

function platformOf(hostPlatform: string): Platform {
  if (hostPlatform === 'darwin') return 'macos'
  return hostPlatform === 'win32' ? 'windows' : 'linux'
}

function linux(target: Target): Deployment {
  const installer = installerUrl(target, 'agent.sh')
  return {
    prerequisites: ['you are root on a Linux server that has curl and bash (`sudo -i` makes you root)'],
    command: continued([sh`curl -fsSL ${installer} | bash -s --`, ...flags(target)]),
    verify: sh`systemctl status --no-pager rca-agent`,
    uninstall: sh`curl -fsSL ${installer} | bash -s -- --uninstall`,
  }
}

function macos(target: Target): Deployment {
  const configure = continued([sh`rca-agent configure`, ...flags(target)])
  return {
    prerequisites: ['Homebrew is installed'],
    command: sh`brew tap incident-rca/agent && brew install rca-agent && ${configure} && brew services start rca-agent`,
    verify: sh`brew services info rca-agent`,
    uninstall: sh`brew services stop rca-agent && brew uninstall rca-agent && brew untap incident-rca/agent`,
  }
}

function flags(target: Target): ShellCommand[] {
  return [
    sh`--platform-url ${target.platformUrl}`,
    sh`--agent-token ${target.agentToken}`,
    sh`--agent-type ${target.agentType}`,
    ...settingsOf(target).map((setting) => sh`--set ${setting}`),
  ]
}

/** Words that a PowerShell reads as one plain text even without quotes. */
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_./:=+-]*$/

function windows(target: Target): Deployment {
  const installer = installerUrl(target, 'agent.ps1')
  const { platformUrl, agentToken, agentType } = target
  const settings = settingsOf(target)
  const words = powershell`-PlatformUrl ${platformUrl} -AgentToken ${agentToken} -AgentType ${agentType} ${settings}`
  const isPlain = [installer, platformUrl, agentToken, agentType, ...settings].every((word) => PLAIN.test(word))
  return {
    prerequisites: [
      isPlain
        ? 'PowerShell or the Command Prompt runs as administrator'
        : 'PowerShell, and not the Command Prompt, runs as administrator',
    ],
    // `powershell -Command` joins its arguments and reads them again, so that the parameters end up behind the function.
    // PowerShell takes the single quotes away before, and the Command Prompt does not: plain words mean the same either
    // way, others would be read twice and are given to the PowerShell in which the command is pasted.
    command: isPlain
      ? powershell`powershell -Command irm ${installer} "| iex; Install-RcaAgent" ${words}`
      : powershell`irm ${installer} | iex; Install-RcaAgent ${words}`,
    verify: powershell`powershell -Command Get-Service rca-agent`,
    uninstall: PLAIN.test(installer)
      ? powershell`powershell -Command irm ${installer} "| iex; Uninstall-RcaAgent"`
      : powershell`irm ${installer} | iex; Uninstall-RcaAgent`,
  }
}

function installerUrl({ config }: Target, file: string): string {
  return `${config.install_url.replace(/\/+$/, '')}/${file}`
}

/** What the operator wrote for the agent, as `key=value`. */
function settingsOf({ settings }: Target): string[] {
  return Object.entries(settings).map(([key, value]) => `${key}=${value}`)
}
