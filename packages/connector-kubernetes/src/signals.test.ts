import { expect, test } from 'vitest'
import { events } from './events/signals.ts'
import { entities } from './kinds/entities.ts'
import { metrics } from './kinds/metrics.ts'
import { signals } from './signals.ts'
import { usageMetrics } from './usage/signals.ts'

test('no signal hides another of the same key', () => {
  const all = [entities, metrics, usageMetrics, events].flatMap((part) => Object.keys(part))
  expect(Object.keys(signals).toSorted()).toEqual(all.toSorted())
})
