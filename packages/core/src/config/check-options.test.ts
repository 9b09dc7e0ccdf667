import { expect, test } from 'vitest'
import { exampleConnector } from '../../test/example-connector.ts'
import { createAgent } from '../agent/agent.ts'
import { defineConnector } from '../connector/define-connector.ts'
import { discoverConnectors } from '../registry/discover-connectors.ts'
import { createRegistry } from '../registry/registry.ts'

/** What a program without types may give. */
function given(value: unknown): never {
  return value as never
}

const agent = { connector: exampleConnector(), platformUrl: 'https://api.example.com', agentToken: 'token' }

test.each([
  [undefined, '`createAgent` takes an object with `connector`'],
  [{ ...agent, cofnig: {} }, '`cofnig` is not an option of `createAgent`. Did you mean `config`?'],
  [{ ...agent, config: null }, 'It must be an object of options'],
  [{ ...agent, config: [] }, 'It must be an object of options'],
])('an agent from %j is refused', (options, message) => {
  expect(() => createAgent(given(options))).toThrow(message)
})

test('`stop` refuses an unknown option', async () => {
  await expect(createAgent(agent).stop(given({ deadline: '5s' }))).rejects.toThrow(
    '`deadline` is not an option of `stop`',
  )
})

test('a registry of no list, and a search from nowhere, are refused', async () => {
  expect(() => createRegistry(given(undefined))).toThrow('`createRegistry` takes a list')
  await expect(discoverConnectors(given(undefined))).rejects.toThrow('`discoverConnectors` takes an object with `from`')
  await expect(discoverConnectors(given({}))).rejects.toThrow('`from` of `discoverConnectors` is missing')
})

const definition = { ...exampleConnector() }

test.each([
  [undefined, 'it must be an object'],
  [{ ...definition, colectors: {} }, '`colectors` is not a field of a connector. Did you mean `collectors`?'],
  [{ ...definition, disconnect: true }, '`disconnect` must be a function'],
  [{ ...definition, title: '' }, '`title` must be a text'],
  [{ ...definition, collectors: undefined }, '`collectors` must be an object'],
  [{ ...definition, collectors: { load: () => undefined } }, 'the collector `load` must be an object with a function'],
  [{ ...definition, watchers: { events: {} } }, 'the watcher `events` must be an object with a function'],
])('a connector from %j is refused', (parts, message) => {
  expect(() => defineConnector(given(parts))).toThrow(message)
})
