import { describe, expect, test } from 'vitest'
import { createEventSampler } from './event-sampler.ts'

const START = Date.parse('2026-11-25T10:00:00Z')
const after = (milliseconds: number): Date => new Date(START + milliseconds)

describe('EventSampler', () => {
  test('emits the first four occurrences, then the 10th, 30th, 100th, … with the count', () => {
    const sampler = createEventSampler()
    const samples = Array.from({ length: 3500 }, (_, index) => sampler.sample('pod-a', { at: after(index) }))
    expect(samples.flatMap((sample) => sample?.count ?? [])).toEqual([1, 2, 3, 4, 10, 30, 100, 300, 1000, 3000])
    expect(samples[3]).toEqual({ count: 4, milestone: 4, isMilestone: false, series: '' })
    expect(samples[9]).toEqual({ count: 10, milestone: 10, isMilestone: true, series: '' })
  })

  test('counts each key for itself', () => {
    const sampler = createEventSampler()
    for (let index = 0; index < 9; index += 1) sampler.sample('pod-a', { at: after(0) })
    expect(sampler.sample('pod-b', { at: after(0) })?.count).toBe(1)
    expect(sampler.sample('pod-a', { at: after(0) })?.count).toBe(10)
  })

  test('starts a key from scratch after ten quiet minutes, and not before', () => {
    const sampler = createEventSampler()
    const sample = (time: number) =>
      sampler.sample('pod-a', { at: after(time), series: () => `from ${time}` }) ?? 'dropped'
    for (let index = 0; index < 5; index += 1) sample(0)
    expect(sample(createEventSampler.QUIET_MS)).toBe('dropped')
    expect(sample(2 * createEventSampler.QUIET_MS + 1)).toMatchObject({
      count: 1,
      series: `from ${2 * createEventSampler.QUIET_MS + 1}`,
    })
    expect(sample(0), 'an occurrence that is seen late').toMatchObject({ count: 2 })
  })

  test('forgets the key that was sampled least recently when there are too many', () => {
    const sampler = createEventSampler({ maxKeys: 2 })
    const count = (key: string) => sampler.sample(key, { at: after(0) })?.count
    expect([count('a'), count('b'), count('a'), count('c'), count('a'), count('b')]).toEqual([1, 1, 2, 1, 3, 1])
  })

  describe('occurrences that the source counts several at once', () => {
    test('emits one sample for the largest milestone that was reached', () => {
      const sampler = createEventSampler()
      const milestone = (times: number) => sampler.sample('probe', { at: after(0), times })?.milestone
      expect([milestone(3), milestone(3), milestone(20), milestone(3), milestone(1)]).toEqual([3, 4, 10, undefined, 30])
    })

    test('measures quiet up to the first of them', () => {
      const sampler = createEventSampler()
      sampler.sample('probe', { at: after(0) })
      const later = { at: after(900_000), times: 5, series: () => 'event-2' }
      expect(sampler.sample('probe', { ...later, since: after(300_000) })).toMatchObject({ count: 6, series: '' })
      expect(sampler.sample('other', later)).toMatchObject({ count: 5, series: 'event-2' })
    })
  })

  describe('occurrences that the source numbers', () => {
    const samples = (numbers: readonly (number | { readonly startsSeries: number })[]) => {
      const sampler = createEventSampler()
      return numbers.map((one) => {
        const [number, startsSeries] = typeof one === 'number' ? [one, false] : [one.startsSeries, true]
        const sample = sampler.sample('app', { at: after(0), number, startsSeries })
        return sample === undefined ? 'dropped' : [sample.count, sample.milestone]
      })
    }

    test('counts the occurrences that were missed', () => {
      expect(samples([1, 9, 12, 29, 350])).toEqual([[1, 1], [9, 4], [12, 10], 'dropped', [350, 300]])
    })

    test('reaches the same milestones in an agent that comes later', () => {
      expect(samples([31])).toEqual([[31, 30]])
    })

    test('starts from scratch where the source says so, or numbers from 1 again', () => {
      expect(samples([{ startsSeries: 50 }, 53, 54, 1, 4])).toEqual([[1, 1], [4, 4], 'dropped', [1, 1], [4, 4]])
    })
  })
})
