import { describe, expect, test } from 'vitest'
import { host, signals } from '../../../test/example-connector.ts'
import { createSignalValidator } from '../validate/validate-signals.ts'
import { createChurn, eventGaps } from './report-checks.ts'

const NOW = new Date('2026-01-23T10:00:00.000Z')
const { validate } = createSignalValidator(signals)

describe('eventGaps', () => {
  const rebooted = signals.rebooted.event({ id: 'a', at: NOW, entity: host, body: 'It was restarted.' })
  const gapsOf = (...events: (typeof rebooted)[]) => eventGaps([validate({ events })], NOW)

  test('names an event in the future', () => {
    const at = new Date(NOW.getTime() + 400 * 86_400_000).toISOString()
    expect(gapsOf({ ...rebooted, at })).toEqual([
      { scope: 'event:host.rebooted', reason: expect.stringContaining(at), since: NOW.toISOString() },
    ])
    expect(gapsOf({ ...rebooted, at, clock_offset_ms: 400 * 86_400_000 })).toEqual([])
  })

  test('names different events of one id, but not one event that is repeated', () => {
    expect(gapsOf(rebooted, { ...rebooted })).toEqual([])
    expect(gapsOf(rebooted, { ...rebooted, body: 'Again.' })[0]?.reason).toBe(
      'different events have the id `a`: the platform stores only one',
    )
  })
})

describe('Churn', () => {
  function churnOf() {
    let time = 0
    const churn = createChurn(() => time)
    const pass = (seconds: number): void => {
      time += seconds * 1000
    }
    return { churn, pass }
  }

  test('names a collector whose ids change all the time', () => {
    const { churn, pass } = churnOf()
    for (let cycle = 0; cycle < 6; cycle += 1) {
      churn.add('queues', 200, 200)
      expect(churn.gaps(NOW)).toHaveLength(cycle === 5 ? 1 : 0)
      pass(3)
    }
    expect(churn.gaps(NOW)).toMatchObject([
      { scope: 'churn:queues', reason: expect.stringContaining('1200 new entities') },
    ])
    pass(600)
    expect(churn.gaps(NOW)).toEqual([])
  })

  test('takes a large environment with many new entities for normal', () => {
    const { churn } = churnOf()
    churn.add('pods', 4_000, 5_000)
    churn.add('jobs', 900, 10)
    expect(churn.gaps(NOW)).toEqual([])
  })
})
