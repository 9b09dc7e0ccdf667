import type { Command } from './command.ts'

/** Argument of a connector's `deploy`: the platform, and the configuration of the agent. */
export interface DeploymentTarget<Config = unknown> {
  /** Address that the agent reports to, such as `https://api.example.com`. */
  readonly platformUrl: string
  /** The environment's token. Shown to the operator once, as part of the command. */
  readonly agentToken: string
  /** The connector's type, such as `docker`. */
  readonly agentType: string
  /** The checked configuration, defaults filled in. */
  readonly config: Config
  /** Only options that the operator wrote for the agent: snake_case key → text. Goes into the command, so that defaults stay the agent's. */
  readonly settings: Readonly<Record<string, string>>
  /** Only options that the operator wrote for the deployment (options marked `deploymentOnly`): snake_case key → text. */
  readonly deploymentSettings: Readonly<Record<string, string>>
  /** The system on which the command is asked for, as in `process.platform`. Only a default: the command may be run elsewhere. */
  readonly hostPlatform: 'linux' | 'darwin' | 'win32' | (string & {})
}

/** How an agent is deployed: what a person needs to know, and what they paste. */
export interface Deployment {
  /** Statements that must hold, each the rest of “Ensure that …”: `Docker Engine 20.10 or newer is installed and running`. */
  readonly prerequisites?: readonly string[]
  readonly command: Command
  /** Shows that the agent runs. */
  readonly verify?: Command
  /** Takes the agent away. */
  readonly uninstall?: Command
  /** Full sentences that are worth knowing and need no action. */
  readonly notes?: readonly string[]
  /** Other ways to deploy the same agent, by name: `linux`, `macos`, `windows`. */
  readonly alternatives?: Readonly<Record<string, Omit<Deployment, 'alternatives'>>>
}
