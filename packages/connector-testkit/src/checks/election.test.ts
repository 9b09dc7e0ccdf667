import type { Connector } from '@rca/core/connector'
import { expect, test } from 'vitest'
import { type Broker, queues, scenario } from '../../test/queues-connector.ts'
import { checks, vary } from '../index.ts'

type Run = NonNullable<Connector<unknown, Broker>['election']>['run']

/** Returns the outcome for an election that differs from the good one. */
async function outcomeOf(run: Run, patienceMs = 10_000) {
  const options = { scenarios: [scenario], patienceMs }
  const check = checks(vary(queues, { election: { run } }), options).find(({ id }) => id === 'ELE-one')
  return check?.evaluate()
}

const good: Run = (broker, context) => queues.election?.run(broker, context) ?? Promise.resolve()

test('ELE-one passes if one agent leads and another takes over', async () => {
  expect(await outcomeOf(good)).toMatchObject({ status: 'passed', findings: [] })
})

test('ELE-one finds two leaders', async () => {
  const both = outcomeOf((broker, context) => good(broker, { ...context, demote: context.promote }))
  expect(await both).toMatchObject({ findings: ['two regions: two agents lead at the same time'] })
})

test('ELE-one finds a leader that keeps the lead when it stops', async () => {
  const kept = outcomeOf((broker, context) => good({ ...broker, resign: async () => undefined }, context), 300)
  expect(await kept).toMatchObject({
    findings: ['two regions: after the leader stopped, the other agent did not become leader: it waited for 300 ms'],
  })
})

test('ELE-one finds an election that fails, and one that does not end', async () => {
  const failing = outcomeOf(async () => {
    throw new Error('no lock')
  })
  expect(await failing).toMatchObject({ findings: ['two regions: the only agent did not become leader: no lock'] })
  const endless = outcomeOf(async (_broker, { promote, instanceId }) => {
    if (instanceId === 'agent-1') promote()
    await new Promise(() => undefined)
  }, 300)
  expect(await endless).toMatchObject({
    findings: ['two regions: `election.run` did not end within 300 ms after `signal` aborted'],
  })
})
