import { expect, test } from 'vitest'
import { podOf, status, terminated, waiting } from '../../test/pods.ts'
import { projectPod } from '../kinds/pod/pod-projection.ts'
import { durationOf, type EndedRun, endedRuns, isCrash } from './ended-run.ts'

const running = { running: {} }

/** The runs in a container's status. */
function runsOf(...parts: Parameters<typeof status>): readonly EndedRun[] {
  const found = projectPod(podOf(status(...parts))).containers[0]?.status
  return found === undefined ? [] : endedRuns(found)
}

test.each([
  ['runs for the first time', runsOf(0, running), []],
  ['has ended', runsOf(0, terminated(0)), ['run-0 1']],
  ['waits after it ended', runsOf(0, waiting('CrashLoopBackOff'), terminated(0)), ['run-0 1 previous']],
  ['runs again', runsOf(1, running, terminated(0)), ['run-0 1 previous']],
  ['has ended again', runsOf(1, terminated(1), terminated(0)), ['run-0 1 previous', 'run-1 2']],
  [
    'was lost with its node',
    runsOf(1, waiting('ContainerCreating'), terminated(0, { reason: 'ContainerStatusUnknown', exitCode: 137 })),
    ['run-0 1 previous'],
  ],
])('finds the ended runs of a container that %s', (_what, runs, expected) => {
  expect(runs.map(({ id, count, isPrevious }) => `${id} ${count}${isPrevious ? ' previous' : ''}`)).toEqual(expected)
})

test('identifies a run without an id by its end, or else by its number', () => {
  const without = (more: object) => ({ terminated: { ...terminated(0).terminated, containerID: undefined, ...more } })
  const idOf = (more: object): string | undefined => runsOf(0, without(more))[0]?.id
  expect(idOf({})).toBe('2026-11-25T10:00:00Z')
  expect(idOf({ finishedAt: null })).toBe('end-1')
})

test.each([
  [{ exitCode: 0, reason: 'Completed' }, false],
  [{ exitCode: 0, reason: undefined }, false],
  [{ exitCode: 1, reason: 'Error' }, true],
  [{ exitCode: 0, reason: 'OOMKilled' }, true],
  [{ exitCode: 0, signal: 9, reason: undefined }, true],
])('classifies %o as a crash: %s', (end, expected) => {
  const [run] = runsOf(0, { terminated: { ...terminated(0).terminated, ...end } })
  expect(run === undefined ? undefined : isCrash(run)).toBe(expected)
})

test('returns the duration of a run if it is known', () => {
  const [run, other] = [{ from: -90 }, { from: 5 }].map((times) => runsOf(0, terminated(0, times))[0])
  expect(run && durationOf(run)).toBe(90_000)
  expect(other && durationOf(other)).toBe(0)
})
