import { expect, test } from 'vitest'
import { openStore } from './open-store.ts'
import { createReadSession } from './read-session.ts'
import type { NewAuditEntry } from './store.ts'

const entry: NewAuditEntry = {
  at: 0,
  last_at: 0,
  count: 1,
  outcome: 'done',
  status: 200,
  action: 'rotateTokens',
  actor: 'admin',
  actor_id: null,
  actor_name: null,
  address: '127.0.0.1',
  environment: 'a',
  agent_type: null,
  agent_id: null,
  token_name: null,
  detail: null,
}

test('trims entries by their number and age, and refusals apart from changes', async () => {
  const { audit, close } = await openStore('sqlite::memory:')
  const session = createReadSession(new AbortController().signal, 0)
  const list = async (outcome: 'done' | 'refused') => (await audit.list({ outcome }, { limit: 20_000 }, session)).items
  await audit.record(Array.from({ length: 1500 }, (_, index) => ({ ...entry, at: index, last_at: index })))
  await audit.record(
    Array.from({ length: 10_100 }, (_, index) => ({
      ...entry,
      outcome: 'refused' as const,
      status: 401,
      address: `address ${index}`,
      at: 5000,
      last_at: 5000,
    })),
  )
  await audit.trim(0)
  expect(await list('done')).toHaveLength(1500)
  expect((await list('refused')).at(-1)).toMatchObject({ address: 'address 100' })
  await audit.trim(1000)
  expect((await list('done')).at(-1)).toMatchObject({ at: 1000 })
  // A clock that jumped: the newest stay.
  await audit.trim(1e15)
  expect((await list('done')).length + (await list('refused')).length).toBe(1000)
  await close()
})
