import { expect, it } from 'vitest'
import { sentence } from './sentence.ts'

it.each([
  ['It failed', 'It failed.'],
  ['It failed.', 'It failed.'],
  ['Did it?', 'Did it?'],
])('%j ends as %j', (text, ended) => {
  expect(sentence(text)).toBe(ended)
})
