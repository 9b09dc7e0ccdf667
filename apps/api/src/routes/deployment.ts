import {
  type ConfigIssue,
  type Connector,
  isRcaError,
  planDeployment,
  type RawConfig,
  type RenderedDeployment,
  secretOptionNames,
} from '@rca/core'
import { z } from 'zod'
import type { Context } from '../http/context.ts'
import { pointerTo } from '../http/pointer.ts'
import { invalid } from '../http/problem-error.ts'
import type { ProvisionSettings } from '../store/store.ts'
import { loadConnector } from './load-connector.ts'
import { named } from './schemas.ts'

/** One way to deploy an agent. */
const wayFields = {
  deployment_command: z.string().describe('Deploys the agent. Contains the token.'),
  uninstall_command: z.string().optional().describe('Takes the agent away.'),
  verify_command: z.string().optional().describe('Shows that the agent runs.'),
  instructions: z.string().describe('Numbered steps for a person.'),
}

const waySchema = named('DeploymentAlternative', z.object(wayFields))

/** How a deployment is answered. */
export const deploymentFields = {
  ...wayFields,
  deployment_commands: z
    .record(z.string(), z.string())
    .optional()
    .describe('Where there are several ways: the command of each, by name, such as `linux` and `windows`.'),
  alternatives: z
    .record(z.string(), waySchema)
    .optional()
    .describe('Where there are several ways: all that belongs to each, by the same names as in `deployment_commands`.'),
}

export type DeploymentFields = z.output<z.ZodObject<typeof deploymentFields>>

/**
 * The command that deploys an agent of a type with a token.
 *
 * @throws {ProblemError} 422 for a type that is not installed and for a configuration that is not valid, 500 for a connector that cannot be used.
 */
export async function planFor(
  context: Context,
  type: string,
  token: string,
  config: RawConfig,
): Promise<{ connector: Connector; fields: DeploymentFields }> {
  try {
    const { connector } = await loadConnector(context.registry, type)
    const deployment = planDeployment(connector, { platformUrl: context.publicUrl(), agentToken: token, config })
    return { connector, fields: toFields(deployment) }
  } catch (error) {
    throw toProblem(error)
  }
}

function toFields(deployment: RenderedDeployment): DeploymentFields {
  if (deployment.alternatives === undefined) return toWay(deployment)
  const ways = Object.entries(deployment.alternatives)
  return {
    ...toWay(deployment),
    deployment_commands: Object.fromEntries(ways.map(([name, { command }]) => [name, command])),
    alternatives: Object.fromEntries(ways.map(([name, way]) => [name, toWay(way)])),
  }
}

function toWay({ command, uninstall, verify, instructions }: RenderedDeployment): z.output<typeof waySchema> {
  return {
    deployment_command: command,
    ...(uninstall === undefined ? {} : { uninstall_command: uninstall }),
    ...(verify === undefined ? {} : { verify_command: verify }),
    instructions,
  }
}

/** What may be kept of a configuration. */
export function withoutSecrets(connector: Connector, config: RawConfig): ProvisionSettings {
  const withheld = secretOptionNames(connector, config)
  return { config: Object.fromEntries(Object.entries(config).filter(([name]) => !withheld.includes(name))), withheld }
}

/** Errors of core are told apart by their code, never by their class: a connector may bring its own copy. */
function toProblem(error: unknown): unknown {
  if (!isRcaError(error)) return error
  if (error.code === 'RCA_CONFIG_INVALID') {
    const { issues } = error as unknown as { issues: readonly ConfigIssue[] }
    return invalid(issues.map((issue) => ({ pointer: pointerTo(['config', ...issue.path]), detail: issue.message })))
  }
  if (error.code === 'RCA_TYPE_UNKNOWN') return invalid([{ pointer: '#/agent_type', detail: error.message }])
  return invalid([{ pointer: '#/config', detail: error.message }])
}
