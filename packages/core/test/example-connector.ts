import { z } from 'zod'
import type { ConfigSchema } from '../src/config/config-schema.ts'
import type { Connector } from '../src/connector/connector.ts'
import { defineConnector } from '../src/connector/define-connector.ts'
import { entity, event, metric } from '../src/connector/signal-catalog.ts'
import { command } from '../src/deployment/command.ts'

/** The signals of the connector of these tests. */
export const signals = {
  host: entity({
    type: 'host',
    description: 'A host.',
    attributes: { '*': 'Anything.' },
    relations: { runs_on: 'Another host.' },
  }),
  load: metric({
    name: 'host.load',
    unit: '1',
    kind: 'gauge',
    description: 'Load.',
    attributes: { '*': 'Anything.' },
  }),
  rebooted: event({
    name: 'host.rebooted',
    severity: 'warning',
    description: 'It was restarted.',
    attributes: { '*': 'Anything.' },
  }),
}

/** The client of these tests. */
export interface Client {
  readonly name: string
}

/** The entity that the agent watches. */
export const host = signals.host.reference('host-1')

/** Creates a connector with parts of the test. Without them, it has no collectors. */
export function exampleConnector(parts: Partial<Connector<unknown, Client>> = {}): Connector<unknown, Client> {
  const definition = {
    type: 'example',
    title: 'Example',
    description: 'A connector for tests.',
    config: z.object({}) as ConfigSchema,
    signals,
    deploy: () => ({ command: command('run-agent') }),
    connect: async () => ({ name: 'example' }),
    identify: async () => ({ id: 'machine-1', name: 'web-1', entity: host }),
    disconnect: async () => undefined,
    collectors: {},
    ...parts,
  }
  return defineConnector<ConfigSchema, Client>(definition)
}
