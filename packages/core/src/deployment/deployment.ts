import type { Command } from './command.ts'

/** Argument of a connector's `deploy`: the platform, and the configuration of the agent. */
export interface DeploymentTarget<Config = unknown> {
  /** The platform's address as the agent uses it, such as `https://api.example.com`. */
  readonly platformUrl: string
  /** The environment's token. Shown to the operator once, as part of the command. */
  readonly agentToken: string
  /** The connector's type, such as `docker`. */
  readonly agentType: string
  /** The environment of the agent, such as `prod-cluster-1`. Absent if the caller does not know it. */
  readonly environmentName?: string
  /** The validated configuration, including defaults. */
  readonly config: Config
  /** Options for the agent that the operator set: snake_case key → text. Excludes defaults. */
  readonly settings: Readonly<Record<string, string>>
  /** `deploymentOnly` options that the operator set: snake_case key → text. */
  readonly deploymentSettings: Readonly<Record<string, string>>
  /** Operating system that requests the command, as in `process.platform`: only a default. */
  readonly hostPlatform: 'linux' | 'darwin' | 'win32' | (string & {})
}

/** Plan of a deployment: commands to paste, and their requirements. */
export interface Deployment {
  /** Requirements, each the end of “Ensure that …”, such as `Docker Engine 20.10 or newer is installed and running`. */
  readonly prerequisites?: readonly string[]
  readonly command: Command
  /** Shows that the agent runs. */
  readonly verify?: Command
  /** Removes the agent. */
  readonly uninstall?: Command
  /** Full sentences that need no action. */
  readonly notes?: readonly string[]
  /** Other ways to deploy the same agent, by name: `linux`, `macos`, `windows`. */
  readonly alternatives?: Readonly<Record<string, Omit<Deployment, 'alternatives'>>>
}
