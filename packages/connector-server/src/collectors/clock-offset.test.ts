import { collectContext, pointsOf } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ClockOffset } from '../client/server-client.ts'
import { clockOffset } from './clock-offset.ts'

const collect = async (offset: ClockOffset | undefined) =>
  pointsOf(
    await clockOffset.collect({ ...openFixture(fixtureRoot()), clockOffset: async () => offset }, collectContext()),
  )

test('clockOffset reports the offset, whether the clock is synchronized, and nothing without a daemon', async () => {
  expect(await collect({ source: 'chrony', isSynchronized: true, secondsAhead: -0.25 })).toEqual({
    'server.clock.offset{source=chrony}': -0.25,
    'server.clock.synchronized{source=chrony}': 1,
  })
  expect(await collect({ source: 'systemd-timesyncd', isSynchronized: false, secondsAhead: undefined })).toEqual({
    'server.clock.synchronized{source=systemd-timesyncd}': 0,
  })
  expect(await collect(undefined)).toEqual({})
})
