import { expect, test } from 'vitest'
import { parsePressure } from './pressure.ts'

test('proc/pressure', () => {
  const text =
    'some avg10=1.50 avg60=0.29 avg300=0.75 total=11574378\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n'
  const some = { kind: 'some', share: 0.015, total: 11.574378 }
  expect(parsePressure('io', text)).toEqual([
    { resource: 'io', ...some },
    { resource: 'io', kind: 'full', share: 0, total: 2 },
  ])
  expect(parsePressure('cpu', text)).toEqual([{ resource: 'cpu', ...some }])
  expect(parsePressure('irq', '')).toEqual([])
})
