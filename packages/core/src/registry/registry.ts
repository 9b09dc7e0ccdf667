import { type Agent, type AgentOptions, createAgent } from '../agent/agent.ts'
import type { JsonSchema } from '../config/config-schema.ts'
import { nearestName } from '../config/nearest-name.ts'
import { agentConfigJsonSchema, withSharedOptions } from '../config/parse-config.ts'
import type { Connector } from '../connector/connector.ts'
import { CONTRACT, isConnector } from '../connector/define-connector.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { RcaError } from '../errors/rca-error.ts'
import { UnknownTypeError } from '../errors/unknown-type-error.ts'
import type { ConnectorOrigin } from '../platform/protocol.ts'
import type { StaticDescription } from './static-description.ts'

/** Summary of a connector, from its manifest. */
export interface ConnectorSummary {
  readonly type: string
  readonly title: string
  readonly description: string
  /** The connector's package. Absent for a connector that the caller imported. */
  readonly connector?: ConnectorOrigin
}

/** A summary with the connector's options, from `rca.json` of its package or from its code. */
export interface ConnectorDescription extends ConnectorSummary {
  /** Every option of an agent of this type, as JSON Schema (draft 2020-12). */
  readonly config: JsonSchema
}

/** A problem of an installed connector. Other connectors are not affected. */
export interface RegistryProblem {
  readonly package: string
  readonly version: string
  /** The connector's type, if its manifest declares one. */
  readonly type?: string | undefined
  /** The problem and the fix, in a text that names the package and its version. */
  readonly message: string
}

/** Options of an agent whose connector is selected by type. */
export type AgentOptionsByType = Omit<AgentOptions, 'connector' | 'connectorOrigin'> & {
  /** The connector's type, such as `docker`. */
  readonly agentType: string
}

/** A set of connectors, by type. */
export interface Registry {
  /** Installed connectors that cannot be used, including those whose code failed to load. */
  readonly problems: readonly RegistryProblem[]
  /** Changes that the authors of usable packages should make. */
  readonly warnings: readonly RegistryProblem[]
  /** Files whose packages' dependencies were searched. Absent if the connectors were imported by the caller. */
  readonly searched?: readonly string[]
  /** Returns the types, sorted. */
  listSupportedTypes(): string[]
  /** Summarises each connector, sorted by type. Loads no connector. */
  summaries(): ConnectorSummary[]
  /**
   * Describes every connector. Reads `rca.json` of its package, and loads the code of packages without one. Omits
   * connectors that cannot be loaded, and adds them to `problems`.
   */
  describe(): Promise<ConnectorDescription[]>
  /** Describes one connector, as `describe` does. @throws {UnknownTypeError} @throws {ConnectorError} */
  description(agentType: string): Promise<ConnectorDescription>
  /** Describes one connector by `rca.json` of its package, `undefined` without one. @throws {UnknownTypeError} */
  staticDescription(agentType: string): Promise<ConnectorDescription | undefined>
  /** Returns the package of a type. `undefined` for an unknown type, and for a connector that the caller imported. */
  origin(agentType: string): ConnectorOrigin | undefined
  /** Loads a connector once; retries a failed load. @throws {UnknownTypeError} @throws {ConnectorError} */
  connector(agentType: string): Promise<Connector>
  /** Creates an agent by type. @throws {UnknownTypeError} and the errors of `createAgent`. */
  createAgent(options: AgentOptionsByType): Promise<Agent>
}

/** A connector that the registry can load. */
export interface RegistryEntry extends Omit<ConnectorSummary, 'connector'> {
  load(): Promise<Connector>
  /** Reads the description in the connector's package, or why an existing one cannot be used. */
  readDescription?(): Promise<StaticDescription | { readonly problem: string } | undefined>
  /** The connector's package, named in problems. */
  readonly origin?: ConnectorOrigin
}

/** Creates a registry of imported connectors. @throws {ConnectorError} if one is invalid, or two have the same type. */
export function createRegistry(connectors: readonly Connector[]): Registry {
  if (!Array.isArray(connectors))
    throw new RcaError(
      'RCA_OPTIONS_INVALID',
      '`createRegistry` must be called with a list of connectors, such as `createRegistry([server])`',
    )
  const entries = new Map<string, RegistryEntry>()
  for (const connector of connectors as readonly Connector[]) {
    if (!isConnector(connector))
      throw new ConnectorError('given to `createRegistry`', 'it must be created by `defineConnector`.')
    if (connector.contract !== CONTRACT)
      throw new ConnectorError(
        `\`${(connector as Connector).type}\``,
        `it implements version ${String(connector.contract)} of the contract, but this \`@rca/core\` implements version ${CONTRACT}. Install versions of both that implement the same contract.`,
      )
    if (entries.has(connector.type))
      throw new ConnectorError(
        `\`${connector.type}\``,
        'another connector in the registry has the same type. Remove one of them.',
      )
    const { type, title, description } = connector
    entries.set(type, { type, title, description, load: async () => connector })
  }
  return registryOf(entries, { problems: [], warnings: [] })
}

/** Creates a registry of connectors that are loaded on first use. */
export function registryOf(
  entries: ReadonlyMap<string, RegistryEntry>,
  found: Pick<Registry, 'problems' | 'warnings' | 'searched'>,
): Registry {
  const problems = [...found.problems]
  const warnings = [...found.warnings]
  const loaded = new Map<string, Promise<Connector>>()
  const sorted = [...entries.values()].sort((left, right) => (left.type < right.type ? -1 : 1))

  const entryOf = (agentType: string): RegistryEntry => {
    const entry = entries.get(agentType)
    if (entry === undefined) throw refusal(agentType, found.problems) ?? unknownType(agentType, sorted)
    return entry
  }

  const addProblem = ({ type, origin }: RegistryEntry, error: unknown): undefined => {
    const message = reasonOf(error)
    if (!problems.some((problem) => problem.message === message))
      problems.push({ package: origin?.package ?? type, version: origin?.version ?? '', type, message })
  }

  const connector = async (agentType: string): Promise<Connector> => {
    const entry = entryOf(agentType)
    const loading = loaded.get(agentType) ?? entry.load()
    loaded.set(agentType, loading)
    try {
      return await loading
    } catch (error) {
      // The next call retries: the package may have been repaired by then.
      if (loaded.get(agentType) === loading) loaded.delete(agentType)
      addProblem(entry, error)
      throw error
    }
  }

  /** Reads each file once: the code of a package is loaded once, too. */
  const described = new Map<string, Promise<StaticDescription | undefined>>()
  const readDescription = async (entry: RegistryEntry): Promise<StaticDescription | undefined> => {
    const found = await entry.readDescription?.()
    if (found === undefined || !('problem' in found)) return found
    const { package: name = entry.type, version = '' } = entry.origin ?? {}
    const message = `${name}@${version}: its rca.json is ignored, and its code is loaded instead: ${found.problem}. Pack it again with \`rca-connector pack\`.`
    warnings.push({ package: name, version, type: entry.type, message })
    return undefined
  }

  const staticDescription = async (agentType: string): Promise<ConnectorDescription | undefined> => {
    const entry = entryOf(agentType)
    const reading = described.get(agentType) ?? readDescription(entry)
    described.set(agentType, reading)
    const found = await reading
    return found && { ...summaryOf(entry), config: withSharedOptions(found.config as JsonSchema) }
  }

  const description = async (agentType: string): Promise<ConnectorDescription> => {
    const found = await staticDescription(agentType)
    if (found !== undefined) return found
    return { ...summaryOf(entryOf(agentType)), config: agentConfigJsonSchema(await connector(agentType)) }
  }

  return {
    problems,
    warnings,
    ...(found.searched === undefined ? {} : { searched: found.searched }),
    origin: (agentType) => entries.get(agentType)?.origin,
    staticDescription,
    listSupportedTypes: () => sorted.map((entry) => entry.type),
    summaries: () => sorted.map(summaryOf),
    describe: async () => {
      const outcomes = sorted.map((entry) => description(entry.type).catch((error) => addProblem(entry, error)))
      return (await Promise.all(outcomes)).filter((found) => found !== undefined)
    },
    description,
    connector,
    createAgent: async ({ agentType, ...options }) => {
      const connectorOrigin = entries.get(agentType)?.origin
      return createAgent({
        ...options,
        connector: await connector(agentType),
        ...(connectorOrigin === undefined ? {} : { connectorOrigin }),
      })
    },
  }
}

function summaryOf({ type, title, description, origin }: RegistryEntry): ConnectorSummary {
  return { type, title, description, ...(origin === undefined ? {} : { connector: origin }) }
}

/** Returns why an installed package of this type is not used. */
function refusal(agentType: string, problems: readonly RegistryProblem[]): RcaError | undefined {
  const problem = problems.find(({ type }) => type === agentType)
  return problem && new RcaError('RCA_CONNECTOR_INVALID', problem.message)
}

function unknownType(agentType: string, entries: readonly RegistryEntry[]): UnknownTypeError {
  const types = entries.map((entry) => entry.type)
  return new UnknownTypeError(agentType, types, nearestName(String(agentType), types))
}
