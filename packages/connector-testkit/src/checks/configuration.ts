import { isDeepStrictEqual } from 'node:util'
import { ConfigError, type JsonSchema, parseConfig, type RawConfig } from '@rca/core'
import type { Connector } from '@rca/core/connector'
import { configJsonSchema, reasonOf, resolveReference, unmarkedSecret } from '@rca/core/testing'
import type { CheckDefinition, Subject } from '../subject.ts'
import { distinct } from './definitions.ts'

/** Part of a value that no error may repeat. */
const CANARY = 'c4n4ry-value'

/** Checks of the options. */
export const configurationChecks: readonly CheckDefinition[] = [
  {
    id: 'CFG-described',
    title: 'describes each option in a sentence',
    reason: 'The docs, the console and the API show it: it is the only help that operators have.',
    severity: 'error',
    remedy: 'Call `.describe("…")` on the option, with a sentence that ends with a full stop.',
    find: ({ connector }) =>
      optionsOf(connector).flatMap(([name, { description = '' }]) =>
        description.trim() === '' ? [`the option \`${name}\` has no description`] : [],
      ),
  },
  {
    id: 'CFG-secrets',
    title: 'marks options that are secret',
    reason: 'Values of other options appear in logs, errors and the database.',
    severity: 'error',
    remedy: 'Declare it with `option.secret()`, or add `writeOnly: false` to its JSON Schema if it is not a secret.',
    find: ({ connector }) => {
      const name = unmarkedSecret(configJsonSchema(connector.config))
      return name === undefined ? [] : [`the option \`${name}\` has the name of a secret`]
    },
  },
  {
    id: 'CFG-defaults',
    title: 'accepts its own defaults',
    reason: 'The docs show the default: an operator who writes it down expects no difference.',
    severity: 'error',
    remedy: 'Correct the default, or the rule that refuses it.',
    find: async (subject) => {
      const required = await requiredOptions(subject)
      return optionsOf(subject.connector).flatMap(([name, option]) => {
        if (option.default === undefined) return []
        const issues = issuesOf(subject.connector, { ...required, [name]: option.default })
        return issues
          .filter((issue) => issue.startsWith(`\`${name}`))
          .map((issue) => `the default of \`${name}\` is refused: ${issue}`)
      })
    },
  },
  {
    id: 'CFG-minimal',
    title: 'works with its required options alone',
    reason: 'The first attempt of an operator is the smallest one.',
    severity: 'error',
    remedy: 'Give every other option a default, or require it.',
    find: async (subject) => {
      const required = await requiredOptions(subject)
      if (required === undefined) return { skipped: 'it needs a scenario with all required options' }
      return issuesOf(subject.connector, required).map((issue) => `with the required options alone: ${issue}`)
    },
  },
  {
    id: 'CFG-environment',
    title: 'reads each option from a variable as it does from JSON',
    reason: 'An agent gets its options as environment variables, which are texts.',
    severity: 'error',
    remedy: 'Declare the type of the option in its schema, so that core converts the text.',
    find: async ({ connector, options: given }) =>
      distinct(
        (await given()).flatMap((options) => {
          try {
            const { config, settings } = parseConfig(connector, options)
            const read = parseConfig(connector, { ...options, ...settings }).config
            return isDeepStrictEqual(read, config)
              ? []
              : differences(config, read).map((name) => `\`${name}\` differs when it is read from a variable`)
          } catch (error) {
            return error instanceof ConfigError ? [] : [`options cannot be read from variables: ${reasonOf(error)}`]
          }
        }),
      ),
  },
  {
    id: 'CFG-errors',
    title: 'refuses a wrong value with its path, and without the value',
    reason: 'An operator needs to know which option is wrong, and a value may be a secret.',
    severity: 'error',
    remedy: 'Let the schema refuse the value, with a message that does not repeat it.',
    find: async (subject) => {
      const required = await requiredOptions(subject)
      return optionsOf(subject.connector).flatMap(([name]) => {
        try {
          parseConfig(subject.connector, { ...required, [name]: { [CANARY]: CANARY } })
          return []
        } catch (error) {
          if (!(error instanceof ConfigError)) return [`a wrong \`${name}\` fails with: ${reasonOf(error)}`]
          const paths = error.issues.map(({ path }) => String(path[0]))
          return [
            ...(paths.includes(name) ? [] : [`the error of a wrong \`${name}\` names ${paths.join(', ')}`]),
            ...(error.message.includes(CANARY) ? [`the error of a wrong \`${name}\` repeats its value`] : []),
          ]
        }
      })
    },
  },
]

function optionsOf(connector: Connector): [string, JsonSchema][] {
  const schema = configJsonSchema(connector.config)
  return Object.entries(schema.properties ?? {}).map(([name, option]) => [name, resolveReference(option, schema)])
}

/** Returns the required options with the values of a scenario, or `undefined` if no scenario has all. */
export async function requiredOptions({ connector, options }: Subject): Promise<RawConfig | undefined> {
  const { required = [] } = configJsonSchema(connector.config)
  const names = required.filter((name) => configJsonSchema(connector.config).properties?.[name]?.default === undefined)
  if (names.length === 0) return {}
  const full = (await options()).find((given) => names.every((name) => given[name] !== undefined))
  return full && Object.fromEntries(names.map((name) => [name, full[name]]))
}

function issuesOf(connector: Connector, config: RawConfig): string[] {
  try {
    parseConfig(connector, config)
    return []
  } catch (error) {
    return error instanceof ConfigError
      ? error.issues.map(({ path, message }) => `\`${path.join('.')}\` ${message}`)
      : [reasonOf(error)]
  }
}

function differences(one: unknown, other: unknown): string[] {
  const [first, second] = [one as Record<string, unknown>, other as Record<string, unknown>]
  return Object.keys({ ...first, ...second }).filter((name) => !isDeepStrictEqual(first[name], second[name]))
}
