import { type Agent, type AgentOptions, createAgent } from '../agent/agent.ts'
import type { JsonSchema } from '../config/config-schema.ts'
import { nearestName } from '../config/nearest-name.ts'
import { agentConfigJsonSchema } from '../config/parse-config.ts'
import type { Connector } from '../connector/connector.ts'
import { CONTRACT, isConnector } from '../connector/define-connector.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { RcaError } from '../errors/rca-error.ts'
import { UnknownTypeError } from '../errors/unknown-type-error.ts'

/** A connector's manifest, known before its code is loaded. */
export interface ConnectorSummary {
  readonly type: string
  readonly title: string
  readonly description: string
}

/** A summary with the options, for which the connector is loaded. */
export interface ConnectorDescription extends ConnectorSummary {
  /** Every option that an agent of this type takes, as JSON Schema (draft 2020-12). */
  readonly config: JsonSchema
}

/** A connector's package that is installed but cannot be used. It does not stop the others. */
export interface RegistryProblem {
  readonly package: string
  readonly version: string
  /** The problem and the fix, in one sentence that names the package and its version. */
  readonly message: string
}

/** `AgentOptions` with the type in the place of the connector. */
export type AgentOptionsByType = Omit<AgentOptions, 'connector'> & {
  /** Such as `docker`. */
  readonly agentType: string
}

/** Types of infrastructure → connectors. */
export interface Registry {
  /** Installed connectors that cannot be used. */
  readonly problems: readonly RegistryProblem[]
  /** The types, sorted. */
  listSupportedTypes(): string[]
  /** Type, title and description of each connector, sorted by type, without loading any. */
  summaries(): ConnectorSummary[]
  /** The same with each connector's options. Loads every connector; one that cannot be loaded is left out and added to `problems`. */
  describe(): Promise<ConnectorDescription[]>
  /** The connector of a type, loaded now if it was not before. A failed load is tried again by the next call. @throws {UnknownTypeError} @throws {ConnectorError} */
  connector(agentType: string): Promise<Connector>
  /** An agent for a type. @throws {UnknownTypeError} and all that `createAgent` throws. */
  createAgent(options: AgentOptionsByType): Promise<Agent>
}

/** A connector that the registry can load. */
export interface RegistryEntry extends ConnectorSummary {
  load(): Promise<Connector>
  /** Names the package in problems, if it came from one. */
  readonly origin?: { readonly package: string; readonly version: string }
}

/**
 * A registry of connectors that the program imports itself.
 *
 * @throws {ConnectorError} when something is not a connector, or two have the same type.
 */
export function createRegistry(connectors: readonly Connector[]): Registry {
  if (!Array.isArray(connectors))
    throw new RcaError('RCA_OPTIONS_INVALID', '`createRegistry` takes a list of connectors: `createRegistry([server])`')
  const entries = new Map<string, RegistryEntry>()
  for (const connector of connectors as readonly Connector[]) {
    if (!isConnector(connector))
      throw new ConnectorError('given to `createRegistry`', 'it was not made by `defineConnector`.')
    if (connector.contract !== CONTRACT)
      throw new ConnectorError(
        `\`${(connector as Connector).type}\``,
        `it speaks contract ${String(connector.contract)}, and this \`@rca/core\` speaks contract ${CONTRACT}.`,
      )
    if (entries.has(connector.type))
      throw new ConnectorError(`\`${connector.type}\``, 'another connector in the same registry has this type.')
    const { type, title, description } = connector
    entries.set(type, { type, title, description, load: async () => connector })
  }
  return registryOf(entries, [])
}

/** A registry over entries that are loaded when they are used. */
export function registryOf(entries: ReadonlyMap<string, RegistryEntry>, found: readonly RegistryProblem[]): Registry {
  const problems = [...found]
  const loaded = new Map<string, Promise<Connector>>()
  const sorted = [...entries.values()].sort((left, right) => (left.type < right.type ? -1 : 1))

  const connector = async (agentType: string): Promise<Connector> => {
    const entry = entries.get(agentType)
    if (entry === undefined) throw unknownType(agentType, sorted)
    const loading = loaded.get(agentType) ?? entry.load()
    loaded.set(agentType, loading)
    try {
      return await loading
    } catch (error) {
      // The next use tries again: the package may have been mended meanwhile.
      if (loaded.get(agentType) === loading) loaded.delete(agentType)
      throw error
    }
  }

  const describeEntry = async (entry: RegistryEntry): Promise<ConnectorDescription | undefined> => {
    const { type, title, description, origin } = entry
    try {
      return { type, title, description, config: agentConfigJsonSchema(await connector(type)) }
    } catch (error) {
      const message = reasonOf(error)
      if (!problems.some((problem) => problem.message === message))
        problems.push({ package: origin?.package ?? type, version: origin?.version ?? '', message })
      return undefined
    }
  }

  return {
    problems,
    listSupportedTypes: () => sorted.map((entry) => entry.type),
    summaries: () => sorted.map(({ type, title, description }) => ({ type, title, description })),
    describe: async () =>
      (await Promise.all(sorted.map(describeEntry))).filter((description) => description !== undefined),
    connector,
    createAgent: async ({ agentType, ...options }) =>
      createAgent({ ...options, connector: await connector(agentType) }),
  }
}

function unknownType(agentType: string, entries: readonly RegistryEntry[]): UnknownTypeError {
  const types = entries.map((entry) => entry.type)
  return new UnknownTypeError(agentType, types, nearestName(String(agentType), types))
}
