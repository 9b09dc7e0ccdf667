import { expect, test } from 'vitest'
import { quantities, quantity, quantityText, quantityTexts } from './quantity.ts'

test.each([
  ['100m', 0.1],
  ['1', 1],
  ['0', 0],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['1Gi', 2 ** 30],
  ['128974848', 128_974_848],
  ['129e6', 129e6],
  ['1E3', 1000],
  ['1E', 1e18],
  ['5k', 5000],
  ['-2', -2],
  ['300m', 0.3],
  ['12345678n', 0.012345678],
  ['3u', 0.000003],
  [7, 7],
])('quantity reads %s', (text, expected) => {
  expect(quantity(text)).toBe(expected)
})

test.each(['', 'x', '1 Gi', '1Kb', 'e3', '1e400', 'Infinity', Number.NaN, null, undefined, {}])(
  'quantity returns undefined for %s',
  (text) => {
    expect(quantity(text)).toBeUndefined()
  },
)

test('quantities leaves out invalid ones', () => {
  expect(quantities({ cpu: '1', memory: 'much' })).toEqual({ cpu: 1 })
  expect(quantities('none')).toEqual({})
})

test.each([
  ['memory', '128Mi'],
  ['requests.memory', '1.5Gi'],
  ['limits.memory', '1300Mi'],
  ['memory', '16273452Ki'],
  ['memory', '129M'],
  ['memory', '1023'],
  ['memory', '0'],
  ['ephemeral-storage', '2Gi'],
  ['gold.storageclass.storage.k8s.io/requests.storage', '10Ti'],
  ['hugepages-2Mi', '4Mi'],
  ['cpu', '500m'],
  ['limits.cpu', '2'],
  ['cpu', '1500m'],
  ['requests.nvidia.com/gpu', '1'],
  ['pods', '1048576'],
  ['count/deployments.apps', '12'],
])('quantityText writes %s as %s', (resource, text) => {
  expect(quantityText(resource, quantity(text) ?? Number.NaN)).toBe(text)
})

test('quantityText chooses the largest unit that is exact', () => {
  expect(quantityText('memory', 1536 * 2 ** 20)).toBe('1.5Gi')
  expect(quantityTexts({ cpu: 0.1, memory: 2 ** 30, pods: 3 })).toEqual({ cpu: '100m', memory: '1Gi', pods: '3' })
})
