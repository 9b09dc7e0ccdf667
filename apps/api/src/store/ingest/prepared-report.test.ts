import type { ReceivedReport } from '@rca/core/protocol'
import { expect, test } from 'vitest'
import { prepareReports } from './prepared-report.ts'

test('the points of one large set are prepared with a chance for other work after each', () => {
  const metrics = Array.from({ length: 300 }, (_, number) => ({
    name: 'system.cpu.utilization',
    unit: '1',
    kind: 'gauge',
    value: number,
    entity: { type: 'host', id: 'h' },
    attributes: { number },
  }))
  const report = { data: { entities: [], metrics, events: [], gaps: [] } } as unknown as ReceivedReport
  const task = prepareReports([report])
  let turns = 0
  let step = task.next()
  for (; step.done !== true; step = task.next()) turns += 1
  expect(turns).toBeGreaterThanOrEqual(metrics.length)
  expect(step.value[0]?.points.map(({ values }) => values.length)).toEqual([300])
})
