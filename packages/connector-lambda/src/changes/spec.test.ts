import { expect, test } from 'vitest'
import { compareSpecs, describeDifference } from './spec.ts'

test('compares no private values if they are unknown', () => {
  expect(compareSpecs({ shown: {}, hashed: { a: '1' } }, { shown: {}, hashed: undefined })).toBeUndefined()
  expect(compareSpecs({ shown: {}, hashed: undefined }, { shown: {}, hashed: { a: '1' } })).toBeUndefined()
})

test('counts the changes after the eighth', () => {
  const names = Array.from({ length: 10 }, (_, index) => [`s${index}`, 'new'])
  const difference = compareSpecs({ shown: {}, hashed: {} }, { shown: Object.fromEntries(names), hashed: {} })
  expect(difference?.fields).toHaveLength(10)
  expect(difference === undefined ? '' : describeDifference(difference)).toMatch(/s7 none → new; 2 more$/)
})
