import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { ConfigError, planDeployment, type RawConfig, type RenderedDeployment } from '@rca/core'
import type { Command, Connector } from '@rca/core/connector'
import { reasonOf } from '@rca/core/testing'
import type { CheckDefinition, Subject } from '../subject.ts'
import { requiredOptions } from './configuration.ts'
import { distinct } from './definitions.ts'

const HOST_PLATFORMS = ['linux', 'darwin', 'win32']
const PLATFORM_HOST = 'platform.conformance.example'
const PLATFORM_URL = `https://${PLATFORM_HOST}`
const TOKEN = 'agent_conformance_6b1d2f0c'

/** One plan, or why there is none. */
interface Plan {
  readonly name: string
  readonly deployment?: RenderedDeployment
  readonly error?: unknown
}

/** Checks of `deploy`. */
export const deploymentChecks: readonly CheckDefinition[] = [
  {
    id: 'DEP-works',
    title: 'gives a command for each platform',
    reason: 'Without a command there is not an agent.',
    severity: 'error',
    remedy: 'Return `{ command: command("…") }` for every value of `hostPlatform`.',
    find: async (subject) =>
      (await plansOf(subject)).flatMap(({ name, error }) =>
        error === undefined ? [] : [`\`deploy\` failed for ${name}: ${reasonOf(error)}`],
      ),
  },
  {
    id: 'DEP-pure',
    title: 'gives the same command whenever and wherever it is asked',
    reason: 'The command is made on the platform: its clock, environment and files are not those of the host.',
    severity: 'error',
    remedy: 'Use the arguments of `deploy` alone.',
    find: async (subject) => {
      const given = await subject.options()
      const plan = (): Plan[] => plansWith(subject.connector, given)
      const [one, two, three] = [plan(), plan(), elsewhere(plan)].map((plans) =>
        JSON.stringify(plans.map(({ deployment }) => deployment)),
      )
      if (one !== two) return ['two calls with the same arguments differ']
      return one === three ? [] : ['the command depends on the time or the environment']
    },
  },
  {
    id: 'DEP-token',
    title: 'passes the address and the token in the command, and nowhere else',
    reason: 'Instructions are copied to tickets and chats; the token must not go along.',
    severity: 'error',
    remedy: 'Pass `settings.environmentVariables(target)` to the command, and leave the token out of other texts.',
    find: async (subject) =>
      distinct(
        (await plansOf(subject)).flatMap(({ name, deployment }) => {
          if (deployment === undefined) return []
          const { command, verify = '', uninstall = '', prerequisites } = deployment
          const elsewhereTexts = [verify, uninstall, ...prerequisites].filter((text) => text.includes(TOKEN))
          return [
            ...(command.includes(PLATFORM_HOST) ? [] : [`the command for ${name} lacks the platform's address`]),
            ...(command.includes(TOKEN) ? [] : [`the command for ${name} lacks the token`]),
            ...elsewhereTexts.map((text) => `the token is also in “${text.replaceAll(TOKEN, '…')}”`),
          ]
        }),
      ),
  },
  {
    id: 'DEP-parses',
    title: 'gives a command that the shell can parse',
    reason: 'A command that does not parse is noticed on the host of a customer.',
    severity: 'error',
    remedy: 'Build it with `command`, `and`, `pipe` and `redirect`, which quote every value.',
    find: async (subject) => {
      const findings: string[] = []
      for (const text of commandsOf(subject.connector, await subject.options(), 'sh'))
        await promisify(execFile)('sh', ['-n', '-c', text]).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
            findings.push(`\`sh -n\` refuses “${text}”: ${(error as { stderr?: string }).stderr ?? reasonOf(error)}`)
        })
      return findings
    },
  },
  {
    id: 'DEP-error',
    title: 'refuses missing options with a `ConfigError`',
    reason: 'A `ConfigError` is shown beside the option; other errors look like a fault of the platform.',
    severity: 'error',
    remedy: 'Require the option in the schema, or throw `ConfigError` with its path.',
    find: async (subject) => {
      try {
        plan(subject.connector, (await requiredOptions(subject)) ?? {}, 'linux')
        return []
      } catch (error) {
        return error instanceof ConfigError || (error as { name?: string }).name === 'ConfigError'
          ? []
          : [`without options, \`deploy\` failed with: ${reasonOf(error)}`]
      }
    },
  },
  present('DEP-verify', 'verify', 'says how to verify that the agent runs', 'An operator wants to see that it worked.'),
  present('DEP-uninstall', 'uninstall', 'says how to remove the agent', 'What is tried out has to be removed.'),
  present(
    'DEP-prerequisites',
    'prerequisites',
    'names what the command needs',
    'A command that fails for lack of a program costs a support case.',
  ),
]

function present(
  id: string,
  field: 'verify' | 'uninstall' | 'prerequisites',
  title: string,
  reason: string,
): CheckDefinition {
  return {
    id,
    title,
    reason,
    severity: 'warning',
    remedy: `Return \`${field}\` from \`deploy\`.`,
    find: async (subject) =>
      (await plansOf(subject)).flatMap(({ name, deployment }) =>
        deployment === undefined || (deployment[field] ?? '').length > 0
          ? []
          : [`there is not a \`${field}\` for ${name}`],
      ),
  }
}

/** Plans the deployment of every scenario to every platform. */
async function plansOf(subject: Subject): Promise<Plan[]> {
  return plansWith(subject.connector, await subject.options())
}

function plansWith(connector: Connector, given: readonly RawConfig[]): Plan[] {
  return given.flatMap((options) =>
    HOST_PLATFORMS.map((name): Plan => {
      try {
        return { name, deployment: plan(connector, options, name) }
      } catch (error) {
        return { name, error }
      }
    }),
  )
}

function plan(connector: Connector, config: RawConfig, hostPlatform: string): RenderedDeployment {
  return planDeployment(connector, { platformUrl: PLATFORM_URL, agentToken: TOKEN, config, hostPlatform })
}

/** Runs code with another time and environment. */
function elsewhere<Result>(run: () => Result): Result {
  const { env } = process
  const { now } = Date
  process.env = { HOME: '/nonexistent', PATH: '/nonexistent', HOSTNAME: 'elsewhere', USER: 'elsewhere' }
  Date.now = () => now() + 86_400_000
  try {
    return run()
  } finally {
    process.env = env
    Date.now = now
  }
}

/** Returns the commands for a shell that the connector plans. */
export function commandsOf(connector: Connector, given: readonly RawConfig[], shell: Command['shell']): string[] {
  const found = new Set<string>()
  const spy = {
    ...connector,
    deploy: (target: never) => {
      const deployment = connector.deploy(target)
      for (const each of [deployment, ...Object.values(deployment.alternatives ?? {})])
        for (const command of [each.command, each.verify, each.uninstall])
          if (command?.shell === shell) found.add(command.text)
      return deployment
    },
  }
  plansWith(spy as unknown as Connector, given)
  return [...found]
}
