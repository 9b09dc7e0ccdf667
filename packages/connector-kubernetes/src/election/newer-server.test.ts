import { expect, test } from 'vitest'
import { captured, NEWER } from '../../test/fixtures.ts'
import { publishedTypeOf, schemaFaults } from '../../test/published-schema.ts'
import { leaseApi } from './lease-api.ts'

const lease = captured('lease', NEWER)
const { signal } = new AbortController()

test('leaseApi keeps the strategy of a coordinated election, and writes the published format', async () => {
  const written: unknown[] = []
  const replace = async (_resource: object, _path: object, object: object) => {
    written.push(object)
    return object
  }
  const create = () => Promise.reject(new Error('unexpected create'))
  const leases = leaseApi({ get: async () => lease, create, replace }, 'agent', 'shop')
  const found = await leases.read(signal)
  if (found === undefined) throw new Error('there is no lease')
  expect(found).toMatchObject({ holder: 'agent-1', durationMs: 15_000, renewed: '2026-11-24T10:04:58.123456Z' })
  const holding = { holder: 'agent-2', durationMs: 15_000, now: new Date('2026-11-24T10:05:00Z') }
  await leases.update(found, holding, signal)
  expect(written).toMatchObject([
    {
      metadata: lease.metadata,
      spec: {
        holderIdentity: 'agent-2',
        strategy: 'OldestEmulationVersion',
        preferredHolder: 'agent-2',
        leaseTransitions: 4,
      },
    },
  ])
  expect(schemaFaults(written[0], publishedTypeOf(lease))).toEqual([])
})
