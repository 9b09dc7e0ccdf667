import { expect, test } from 'vitest'
import { containerReference } from '../kinds/references.ts'
import { createLastMemory } from './last-memory.ts'
import { usageMetrics } from './signals.ts'

const at = (second: number): Date => new Date(Date.parse('2026-11-25T03:00:00Z') + second * 1000)
const memory = (container: string, bytes: number) =>
  usageMetrics.containerMemoryWorkingSet.point(bytes, containerReference('pod', container))

test('keeps the latest measurement of each container, and for three minutes that of a deleted one', () => {
  const last = createLastMemory()
  last.take([memory('app', 1), undefined, memory('deleted', 2)], at(0))
  last.take([memory('app', 3)], at(100))
  last.dropOld(at(180))
  expect(last.of('pod/app')).toEqual({ workingSet: 3, at: at(100) })
  expect(last.of('pod/deleted')).toEqual({ workingSet: 2, at: at(0) })
  last.dropOld(at(181))
  expect(last.of('pod/deleted')).toBeUndefined()
  expect(last.of('pod/app')?.workingSet).toBe(3)
})
