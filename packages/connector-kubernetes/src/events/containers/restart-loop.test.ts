import { describe, expect, test } from 'vitest'
import { at, podOf, START } from '../../../test/pods.ts'
import type { EndedRun } from '../../evidence/ended-run.ts'
import { projectPod } from '../../kinds/pod/pod-projection.ts'
import { createEndSampler } from './restart-loop.ts'

const pod = projectPod(podOf(undefined))

/** The end of a run that lasted so many seconds. */
function end(count: number, lasted = 1): EndedRun {
  const end = { kind: 'terminated', startedAt: at(0), finishedAt: at(lasted) } as EndedRun['end']
  return { id: `run-${count}`, count, isPrevious: true, end }
}

/** Samples ends one after the other. */
function sampled(runs: readonly EndedRun[]) {
  const sample = createEndSampler()
  return runs.map((run) => {
    const reported = sample(pod, 'app', run, new Date(START))
    return reported === undefined ? 'dropped' : (reported.loopAt ?? 'crash')
  })
}

describe('createEndSampler', () => {
  test('reports three crashes, and then a loop whenever its count has about tripled', () => {
    const reported = sampled(Array.from({ length: 3500 }, (_, index) => end(index + 1)))
    expect(reported.filter((one) => one !== 'dropped')).toEqual([
      'crash',
      'crash',
      'crash',
      ...[4, 10, 30, 100, 300, 1000, 3000],
    ])
  })

  test('counts ends that the agent missed', () => {
    expect(sampled([end(1), end(9), end(12), end(29), end(350)])).toEqual(['crash', 4, 10, 'dropped', 300])
  })

  test('starts from scratch after a run of ten minutes, and when the kubelet counts from 1 again', () => {
    expect(sampled([end(50, 600), end(53), end(54), end(1), end(4)])).toEqual(['crash', 53, 'dropped', 'crash', 4])
  })
})
