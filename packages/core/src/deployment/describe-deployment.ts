import { type Command, isCommand } from './command.ts'
import type { Deployment } from './deployment.ts'

/** A deployment as text, ready for JSON. */
export interface RenderedDeployment {
  readonly prerequisites: readonly string[]
  readonly command: string
  readonly verify?: string
  readonly uninstall?: string
  /** Numbered steps for a person, with the commands unchanged. A step is one line, unless its command has several. */
  readonly instructions: string
  readonly alternatives?: Readonly<Record<string, Omit<RenderedDeployment, 'alternatives'>>>
}

/** Renders a deployment. @throws {TypeError} if a command was not created by `command` or `powershell`. */
export function describeDeployment(deployment: Deployment): RenderedDeployment {
  const { prerequisites = [], command, verify, uninstall, alternatives } = deployment
  return {
    prerequisites: [...prerequisites],
    command: textOf('command', command),
    ...(verify !== undefined && { verify: textOf('verify', verify) }),
    ...(uninstall !== undefined && { uninstall: textOf('uninstall', uninstall) }),
    instructions: writeInstructions(deployment),
    ...(alternatives !== undefined && {
      alternatives: Object.fromEntries(
        Object.entries(alternatives).map(([name, alternative]) => [name, describeDeployment(alternative)]),
      ),
    }),
  }
}

function writeInstructions({ prerequisites = [], command, verify, uninstall, notes = [] }: Deployment): string {
  const steps = [
    ...prerequisites.map((prerequisite) => `Ensure that ${prerequisite.replace(/\.$/, '')}.`),
    `Run: ${command}`,
    ...(verify === undefined ? [] : [`Verify that the agent runs: ${verify}`]),
  ]
  const remarks = [
    ...notes.map((note) => `Note: ${note}`),
    ...(uninstall === undefined ? [] : [`To remove the agent, run: ${uninstall}`]),
  ]
  const numbered = steps.map((step, index) => `${index + 1}. ${step}`)
  return [...numbered, ...remarks].join('\n')
}

function textOf(option: string, command: Command): string {
  if (!isCommand(command)) {
    throw new TypeError(`\`${option}\` of a deployment must be a command: create it with \`command\` or \`powershell\``)
  }
  return command.text
}
