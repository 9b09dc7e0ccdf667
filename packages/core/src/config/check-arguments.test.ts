import { describe, expect, test } from 'vitest'
import { exampleConnector } from '../../test/example-connector.ts'
import { createAgent } from '../agent/agent.ts'
import { defineConnector } from '../connector/define-connector.ts'
import { discoverConnectors } from '../registry/discover-connectors.ts'
import { createRegistry } from '../registry/registry.ts'

/** Passes a value as a program without TypeScript could. */
function given(value: unknown): never {
  return value as never
}

const agent = { connector: exampleConnector(), platformUrl: 'https://api.example.com', agentToken: 'token' }

describe('arguments of callers without TypeScript', () => {
  test.each([
    [undefined, '`createAgent` must be called with an object of options: `connector`'],
    [{ ...agent, cofnig: {} }, '`cofnig` is not an option of `createAgent`. Did you mean `config`?'],
    [{ ...agent, config: null }, 'It must be an object of options'],
    [{ ...agent, config: [] }, 'It must be an object of options'],
  ])('`createAgent` rejects %j', (options, message) => {
    expect(() => createAgent(given(options))).toThrow(message)
  })

  test('`stop` rejects an unknown option', async () => {
    await expect(createAgent(agent).stop(given({ deadline: '5s' }))).rejects.toThrow(
      '`deadline` is not an option of `stop`',
    )
  })

  test('`createRegistry` and `discoverConnectors` reject a missing argument', async () => {
    expect(() => createRegistry(given(undefined))).toThrow('`createRegistry` must be called with a list')
    await expect(discoverConnectors(given(undefined))).rejects.toThrow(
      '`discoverConnectors` must be called with an object of options: `from`',
    )
    await expect(discoverConnectors(given({}))).rejects.toThrow(
      '`from` of `discoverConnectors` must be a path or a URL',
    )
  })

  const definition = { ...exampleConnector() }

  test.each([
    [undefined, 'it must be an object'],
    [{ ...definition, colectors: {} }, '`colectors` is not a field of a connector. Did you mean `collectors`?'],
    [{ ...definition, disconnect: true }, '`disconnect` must be a function'],
    [{ ...definition, title: '' }, '`title` must be a non-empty string'],
    [{ ...definition, collectors: undefined }, '`collectors` must be an object'],
    [
      { ...definition, collectors: { load: () => undefined } },
      'the collector `load` must be an object with a function',
    ],
    [{ ...definition, watchers: { events: {} } }, 'the watcher `events` must be an object with a function'],
  ])('`defineConnector` rejects %j', (parts, message) => {
    expect(() => defineConnector(given(parts))).toThrow(message)
  })
})
