import { expect, test } from 'vitest'
import { kubeletNumber, nanoToCpus, nanoToUnits, sum } from './kubelet-numbers.ts'

test.each([
  ['a negative number', -1],
  ['-1 as an unsigned number', 2 ** 64],
  ['a number that JSON cannot hold', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a text', '12'],
  ['null', null],
])('leaves out %s', (_what, value) => {
  expect([kubeletNumber(value), nanoToUnits(value), nanoToCpus(value)]).toEqual([undefined, undefined, undefined])
})

test('leaves out more CPUs than a machine can have', () => {
  expect([nanoToCpus(2.5e9), nanoToCpus(8_192e9), nanoToCpus(3e17)]).toEqual([2.5, 8_192, undefined])
})

test('adds up what is present', () => {
  expect([sum([1, undefined, 2]), sum([undefined]), sum([])]).toEqual([3, undefined, undefined])
})
