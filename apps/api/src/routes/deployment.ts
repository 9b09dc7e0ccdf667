import { type ConfigIssue, isRcaError, type RawConfig, type RenderedDeployment } from '@rca/core'
import { z } from 'zod'
import type { DeploymentPlan } from '../connectors/connector-host.ts'
import { connectorProblem } from '../connectors/connector-problem.ts'
import type { Context } from '../http/context.ts'
import { named } from '../http/openapi-schemas.ts'
import { invalid, pointerTo } from '../http/problem-error.ts'
import type { ProvisionSettings } from '../store/store.ts'
import { nearestTokenOption } from './token-limits.ts'

const alternativeFields = {
  deployment_command: z.string().describe('Deploys the agent. Contains the token.'),
  uninstall_command: z.string().optional().describe('Removes the agent.'),
  verify_command: z.string().optional().describe('Shows that the agent runs.'),
  instructions: z.string().describe('Numbered steps for a person.'),
}

const alternativeSchema = named('DeploymentAlternative', z.object(alternativeFields))

/** Fields of a deployment in a response. */
export const deploymentFields = {
  ...alternativeFields,
  deployment_commands: z
    .record(z.string(), z.string())
    .optional()
    .describe('Commands of the alternatives by name, such as `linux` and `windows`. Absent without alternatives.'),
  alternatives: z
    .record(z.string(), alternativeSchema)
    .optional()
    .describe('All fields of each alternative, by the names of `deployment_commands`. Absent without alternatives.'),
}

export type DeploymentFields = z.output<z.ZodObject<typeof deploymentFields>>

/** Plans a deployment. @throws {ProblemError} 422 for an unknown type or invalid options, 500 for a broken connector */
export async function planDeploymentFor(
  context: Context,
  { type, environment, token }: { readonly type: string; readonly environment: string; readonly token: string },
  config: RawConfig,
): Promise<Pick<DeploymentPlan, 'secretOptions'> & { readonly fields: DeploymentFields }> {
  try {
    const request = {
      platformUrl: context.publicUrl(),
      agentToken: token,
      environmentName: environment,
      config,
    }
    const { deployment, secretOptions } = await context.connectors.plan(type, request)
    return { secretOptions, fields: toFields(deployment, warningsOf(context)) }
  } catch (error) {
    throw toProblem(connectorProblem(context.registry, type, error))
  }
}

/** Returns the first lines of the instructions: what is wrong with the address in the command. */
function warningsOf({ addressWarnings }: Context): string {
  return addressWarnings()
    .map(({ instruction }) => `Warning: ${instruction}\n`)
    .join('')
}

function toFields(deployment: RenderedDeployment, warnings: string): DeploymentFields {
  const toAlternative = (plan: Omit<RenderedDeployment, 'alternatives'>) => describe(plan, warnings)
  if (deployment.alternatives === undefined) return toAlternative(deployment)
  const alternatives = Object.entries(deployment.alternatives)
  return {
    ...toAlternative(deployment),
    deployment_commands: Object.fromEntries(alternatives.map(([name, { command }]) => [name, command])),
    alternatives: Object.fromEntries(alternatives.map(([name, plan]) => [name, toAlternative(plan)])),
  }
}

function describe(
  { command, uninstall, verify, instructions }: Omit<RenderedDeployment, 'alternatives'>,
  warnings: string,
): z.output<typeof alternativeSchema> {
  return {
    deployment_command: command,
    uninstall_command: uninstall,
    verify_command: verify,
    instructions: warnings + instructions,
  }
}

/** Removes the secrets of a configuration before it is stored. */
export function withoutSecrets(secretOptions: readonly string[], config: RawConfig): Omit<ProvisionSettings, 'limits'> {
  const withheld = Object.keys(config).filter((name) => secretOptions.includes(name) || containsPassword(config[name]))
  return { config: Object.fromEntries(Object.entries(config).filter(([name]) => !withheld.includes(name))), withheld }
}

/** Returns true for a URL with a user or password, such as `https://user:password@proxy.example.com`. */
function containsPassword(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(containsPassword)
  return typeof value === 'string' && /\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#]*@/i.test(value)
}

/** Distinguishes errors of core by their code: `instanceof` fails for a connector with its own copy of core. */
function toProblem(error: unknown): unknown {
  if (!isRcaError(error)) return error
  if (error.code === 'RCA_CONFIG_INVALID') {
    const { issues } = error as unknown as { issues: readonly ConfigIssue[] }
    return invalid(issues.map((issue) => ({ pointer: pointerTo(['config', ...issue.path]), detail: detailOf(issue) })))
  }
  if (error.code === 'RCA_TYPE_UNKNOWN') return invalid([{ pointer: '#/agent_type', detail: error.message }])
  return invalid([{ pointer: '#/config', detail: error.message }])
}

/** Suggests an option of the platform, which core does not know, for an unknown name. */
function detailOf({ path, message }: ConfigIssue): string {
  const meant = message.startsWith('is not an option. The') ? nearestTokenOption(String(path[0])) : undefined
  return meant === undefined ? message : `is not an option. Did you mean \`${meant}\`?`
}
