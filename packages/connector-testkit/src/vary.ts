import type { Connector } from '@rca/core/connector'
import { markConnector } from '@rca/core/testing'

/** Parts of a connector to replace. In lists, a name adds or replaces, and `undefined` removes. */
export type Variation<Config, Client> = {
  readonly [Field in keyof Connector<Config, Client>]?: Connector<Config, Client>[Field] | undefined
} & {
  readonly collectors?: Readonly<Record<string, Connector<Config, Client>['collectors'][string] | undefined>>
  readonly watchers?: Readonly<Record<string, NonNullable<Connector<Config, Client>['watchers']>[string] | undefined>>
  readonly signals?: Readonly<Record<string, Connector['signals'][string] | undefined>>
  /** Interval of every collector, such as `1s` in a test. */
  readonly every?: NonNullable<Connector['collectors'][string]['interval']>
}

/**
 * Returns a connector that differs in these parts. Not checked against the contract, so that tests can also make broken
 * connectors.
 */
export function vary<Config, Client>(
  connector: Connector<Config, Client>,
  { every, collectors, watchers, signals, ...parts }: Variation<Config, Client>,
): Connector<Config, Client> {
  const varied = {
    ...connector,
    ...parts,
    signals: merged(connector.signals, signals),
    collectors: merged(connector.collectors, collectors),
    ...(connector.watchers === undefined && watchers === undefined
      ? {}
      : { watchers: merged(connector.watchers ?? {}, watchers) }),
  } as Connector<Config, Client>
  if (every === undefined) return markConnector({ ...varied })
  const timed = Object.entries(varied.collectors).map(([name, each]) => [name, { ...each, interval: every }] as const)
  return markConnector({ ...varied, collectors: Object.fromEntries(timed) })
}

function merged<Each>(
  before: Readonly<Record<string, Each>>,
  changes: Readonly<Record<string, Each | undefined>> = {},
): Readonly<Record<string, Each>> {
  const all = Object.entries({ ...before, ...changes })
  return Object.fromEntries(all.filter((entry): entry is [string, Each] => entry[1] !== undefined))
}
