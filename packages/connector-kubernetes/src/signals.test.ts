import { describe, expect, test } from 'vitest'
import { events } from './events/signals.ts'
import { clusterSignals } from './kinds/cluster.ts'
import { kinds } from './kinds/index.ts'
import { entityTypes } from './kinds/references.ts'
import { signals } from './signals.ts'
import { usageMetrics } from './usage/signals.ts'

describe('signals', () => {
  test('hides no signal behind another one with the same key', () => {
    const ofKinds = Object.values(kinds).map((kind) => ('signals' in kind ? kind.signals : {}))
    const all = [...ofKinds, clusterSignals, usageMetrics, events].flatMap((part) => Object.keys(part))
    expect(Object.keys(signals).toSorted()).toEqual(all.toSorted())
  })

  test('declares every entity type that references point at', () => {
    const declared = Object.values(signals).flatMap((signal) => (signal.signal === 'entity' ? [signal.type] : []))
    expect(declared).toEqual(expect.arrayContaining(Object.values(entityTypes)))
  })
})
