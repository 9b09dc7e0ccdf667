import { expect, test } from 'vitest'
import { queues, scenario, signals, startBroker } from '../test/queues-connector.ts'
import { checks, runChecks, summarize, vary } from './index.ts'

test('a check is made once, however often it is asked for', async () => {
  let starts = 0
  const start = () => {
    starts += 1
    return startBroker()
  }
  const [check] = checks(queues, { scenarios: [{ ...scenario, start }] }).filter(({ id }) => id === 'COL-abort')
  const first = await check?.evaluate()
  await check?.run()
  expect(await check?.evaluate()).toBe(first)
  expect(starts).toBe(1)
})

test('summarize returns each outcome with its reason', async () => {
  const list = checks(vary(queues, { deploy: () => ({}) as never })).filter(({ id }) =>
    /^(?:SIG-n|MAN-v|DEP-w)/.test(id),
  )
  expect(summarize(await runChecks(list))).toEqual({
    'MAN-valid': 'skipped: it needs `packageFolder`',
    'MAN-vendor': 'skipped: it needs `packageFolder`',
    'SIG-names': 'passed',
    'DEP-works': expect.stringMatching(/^failed: `deploy` failed for linux: ./),
  })
})

test.each([
  ['passed', 'eu'],
  ['failed', 'us'],
])('COL-fault has %s if region eu has a gap, and a value of region %s is missing', async (status, region) => {
  const subject = signals.region.reference(region)
  /** Counts the queues of a region, and leaves the gap to the collector of queues. */
  const counting = vary(queues, {
    collectors: {
      count: {
        collect: async (client, { signal }) => {
          const read = await client.queues('eu', signal).catch(() => undefined)
          return { metrics: [signals.messages.point(read?.length, subject, { 'acme.queue.durable': true })] }
        },
      },
    },
  })
  const start = async () => {
    const { faults = {}, ...system } = await startBroker()
    const [name = '', fault] = Object.entries(faults)[0] ?? []
    return fault === undefined ? system : { ...system, faults: { [name]: fault } }
  }
  const [check] = checks(counting, { scenarios: [{ ...scenario, start }] }).filter(({ id }) => id === 'COL-fault')
  expect(await check?.evaluate()).toMatchObject({ status })
})

test('COL-pages fails if a collector reads a page that repeats for ever', async () => {
  const endless = vary(queues, {
    collectors: {
      queues: {
        collect: async (client, { signal }) => {
          for (let token: string | undefined = '2'; token !== undefined && !signal.aborted; )
            token = (await client.page('eu', token, signal).catch(() => ({ next: undefined }))).next
          return {}
        },
      },
    },
  })
  const options = { scenarios: [scenario], patienceMs: 200 }
  const check = checks(endless, options).find(({ id }) => id === 'COL-pages')
  const finding = 'two regions: `queues` still read the same page after 200 ms'
  expect(await check?.evaluate()).toMatchObject({ status: 'failed', findings: [finding] })
})
