import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exampleConnector, signals } from '../../test/example-connector.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import type { Connector } from '../connector/connector.ts'
import { createStaticDescription, readStaticDescription, type StaticDescription } from './static-description.ts'

const connector = exampleConnector({
  type: 'acme/queues',
  config: z.object({ broker_url: z.string().describe('Address of the broker.') }),
  signals: { ...signals, another: { ...signals.load, name: 'acme.messages' } },
  collectors: { queues: { collect: async () => ({}) }, brokers: { collect: async () => ({}) } },
  watchers: { moves: { watch: async () => undefined } },
}) as Connector

const packageJson = {
  name: '@acme/rca-queues',
  version: '1.2.3',
  peerDependencies: { '@rca/core': '0.x' },
  builtWith: '0.4.2',
}
const described = createStaticDescription(connector, packageJson)
const expected = { version: '1.2.3', type: 'acme/queues' }

/** Writes `rca.json` into a package, and reads it. */
async function read(content: unknown) {
  const directory = await temporaryDirectory()
  await writeFile(join(directory, 'rca.json'), typeof content === 'string' ? content : JSON.stringify(content))
  return readStaticDescription(directory, expected)
}

describe('createStaticDescription', () => {
  test('describes package, options and signals of a connector, sorted', () => {
    expect(described).toEqual({
      format: 1,
      package: '@acme/rca-queues',
      version: '1.2.3',
      contract: 1,
      core: '0.x',
      builtWith: '0.4.2',
      type: 'acme/queues',
      title: 'Example',
      description: 'A connector for tests.',
      config: expect.objectContaining({
        properties: { broker_url: { type: 'string', description: 'Address of the broker.' } },
        required: ['broker_url'],
      }),
      signals: {
        entities: [
          {
            type: 'host',
            description: 'A host.',
            attributes: { '*': 'Anything.' },
            relations: { runs_on: 'Another host.' },
          },
        ],
        metrics: [expect.objectContaining({ name: 'acme.messages' }), expect.objectContaining({ name: 'host.load' })],
        events: [expect.objectContaining({ name: 'host.rebooted', severity: 'warning' })],
      },
      collectors: ['brokers', 'queues'],
      watchers: ['moves'],
      features: ['disconnect', 'watchers'],
    } satisfies Record<keyof StaticDescription, unknown>)
  })

  test('contains JSON alone', () => {
    expect(JSON.parse(JSON.stringify(described))).toEqual(described)
  })

  test('omits the range of core that a package does not declare', () => {
    expect(createStaticDescription(connector, { name: 'a', version: '1.0.0' })).not.toHaveProperty('core')
  })
})

describe('readStaticDescription', () => {
  test('reads what was written', async () => {
    expect(await read(described)).toEqual(described)
  })

  test('ignores fields and kinds that a newer core may add', async () => {
    const newer = { ...described, budget: 5, signals: { ...described.signals, logs: [] } }
    expect(await read(newer)).toEqual(described)
  })

  test('returns nothing for a package without the file', async () => {
    expect(await readStaticDescription(await temporaryDirectory(), expected)).toBeUndefined()
  })

  test.each([
    ['of another version', { ...described, version: '1.2.2' }, 'its `version` is `1.2.2`'],
    ['of another type', { ...described, type: 'acme/topics' }, 'its `type` is `acme/topics`'],
    ['of an unknown format', { ...described, format: 2 }, '`format`'],
    ['with options that are not a JSON Schema', { ...described, config: { properties: 5 } }, '`config.properties`'],
    ['that is not an object', [], 'expected object'],
    ['that is cut', '{ "format"', 'JSON'],
    ['of more than 1 MiB', `"${'x'.repeat(1024 * 1024)}"`, 'more than 1048576'],
  ])('names why a file %s is not used', async (_title, content, problem) => {
    expect(await read(content)).toEqual({ problem: expect.stringContaining(problem) })
  })
})
