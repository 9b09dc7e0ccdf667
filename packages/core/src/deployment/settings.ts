import type { DeploymentTarget } from './deployment.ts'

/** Returns the environment variable of a config key: `log_level` → `LOG_LEVEL`. */
export function environmentName(key: string): string {
  return key.replaceAll(/\W+/g, '_').toUpperCase()
}

/**
 * Returns the agent's environment variables as `NAME=value`: `PLATFORM_API_URL`, `AGENT_TOKEN`, `AGENT_TYPE`, then
 * every setting in the operator's order. Not quoted: pass each as an argument of `command` or `powershell`.
 *
 * @throws {TypeError} if a setting has the name of one of the first three.
 */
function environmentVariables(target: DeploymentTarget): string[] {
  const fixed = [
    ['PLATFORM_API_URL', target.platformUrl],
    ['AGENT_TOKEN', target.agentToken],
    ['AGENT_TYPE', target.agentType],
  ] as const
  return nameSettings(Object.entries(target.settings), environmentName, fixed).map(
    ([name, value]) => `${name}=${value}`,
  )
}

/** Returns the name of the Helm chart's value for a config key: `log_level` → `logLevel`. */
export function chartValueName(key: string): string {
  return key.replaceAll(/(?<=[A-Za-z0-9])[^A-Za-z0-9]+([A-Za-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
}

/**
 * Returns the values of the Helm chart as `name=value`: `platformUrl`, `agentToken`, then every setting in the
 * operator's order, `deploymentOnly` options last. Escaped for Helm, not for the shell: pass each as an argument of
 * `command`. `--set` converts `2` to a number and `true` to a boolean; `--set-string` keeps both as text, as a token of
 * digits needs.
 *
 * @param options.omit config keys (snake_case) that the command passes in another way, such as the namespace
 * @throws {TypeError} if a setting has the name of one of the first two.
 */
function chartValues(target: DeploymentTarget, { omit = [] }: { readonly omit?: readonly string[] } = {}): string[] {
  const fixed = [
    ['platformUrl', target.platformUrl],
    ['agentToken', target.agentToken],
  ] as const
  const written = Object.entries({ ...target.settings, ...target.deploymentSettings })
  const passedOn = written.filter(([key]) => !omit.includes(key))
  return nameSettings(passedOn, chartValueName, fixed).map(([name, value]) => `${name}=${escapeChartValue(value)}`)
}

/**
 * Escapes backslashes, commas, and a leading brace, which would begin a list. Dots, brackets and equals signs are
 * special in names only (helm.sh/helm/v3/pkg/strvals).
 */
export function escapeChartValue(value: string): string {
  return value.replaceAll(/[\\,]|^\{/g, String.raw`\$&`)
}

type Setting = readonly [name: string, value: string]

function nameSettings(
  written: readonly Setting[],
  rename: (key: string) => string,
  fixed: readonly Setting[],
): Setting[] {
  const taken = written.find(([key]) => fixed.some(([name]) => name === rename(key)))
  if (taken !== undefined) {
    throw new TypeError(
      `The setting \`${taken[0]}\` has the name of a setting of every agent: rename the option, or list it in \`omit\``,
    )
  }
  return [...fixed, ...written.map(([key, value]) => [rename(key), value] as const)]
}

/** Settings of the operator in the form that a deployment command passes to the agent. */
export const settings = { environmentVariables, chartValues } as const
