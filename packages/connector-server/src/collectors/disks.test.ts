import { collectContext, pointsOf } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { disks } from './disks.ts'

test('disks reports size, reads and writes of whole disks', async () => {
  const root = fixtureRoot()
  root.change(
    'proc/diskstats',
    (text) => `${text}   8  0 sda 1 0 8 500 2 0 16 250 0 300 750\n   8  1 sda1 1 0 8 5 2 0 16 2 0 3 7\n`,
  )
  root.write('sys/block/sda/size', '2048\n')
  const collected = await disks.collect(openFixture(root), collectContext())
  expect(collected.entities?.map((entity) => entity?.id)).toEqual(['vda', 'sda'])
  expect(pointsOf({ metrics: collected.metrics!.slice(8) })).toEqual({
    'system.disk.limit{device=sda}': 1_048_576,
    'system.disk.io{device=sda,direction=read}': 4096,
    'system.disk.io{device=sda,direction=write}': 8192,
    'system.disk.operations{device=sda,direction=read}': 1,
    'system.disk.operations{device=sda,direction=write}': 2,
    'system.disk.operation_time{device=sda,direction=read}': 0.5,
    'system.disk.operation_time{device=sda,direction=write}': 0.25,
    'system.disk.io_time{device=sda}': 0.3,
  })
})
