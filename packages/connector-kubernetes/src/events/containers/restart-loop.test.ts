import { expect, test } from 'vitest'
import { at } from '../../../test/pods.ts'
import type { EndedRun } from '../../evidence/ended-run.ts'
import { type Loop, tellEnd } from './restart-loop.ts'

/** The end of a run that lasted so many seconds. */
function end(count: number, lasted = 1): EndedRun {
  const end = { kind: 'terminated', startedAt: at(0), finishedAt: at(lasted) } as EndedRun['end']
  return { id: `run-${count}`, count, isPrevious: true, end }
}

/** How ends are told, one after the other. */
function told(runs: readonly EndedRun[]) {
  let loop: Loop | undefined
  return runs.map((run) => {
    const { loop: next, telling } = tellEnd(loop, run)
    loop = next
    return typeof telling === 'string' ? telling : telling.at
  })
}

test('ends are told in full, and then when their number has about tripled', () => {
  const numbers = told(Array.from({ length: 3500 }, (_, index) => end(index + 1))).filter((one) => one !== 'not at all')
  expect(numbers).toEqual(['in full', 'in full', 'in full', 4, 10, 30, 100, 300, 1000, 3000])
})

test('ends that were missed count', () => {
  expect(told([end(1), end(9), end(12), end(29), end(350)])).toEqual(['in full', 4, 10, 'not at all', 300])
})

test('a kubelet that begins to count anew begins a new loop', () => {
  expect(told([end(50, 600), end(53), end(54), end(1), end(4)])).toEqual(['in full', 53, 'not at all', 'in full', 4])
})
