import { expect, test } from 'vitest'
import { z } from 'zod'
import { openCursor } from './cursor.ts'

const context = (
  cursor?: string,
): { cursor: string | undefined; cursors: string[]; saveCursor(cursor: string): Promise<void> } => {
  const cursors: string[] = []
  return { cursor, cursors, saveCursor: async (saved) => void cursors.push(saved) }
}

const schema = z.object({ count: z.int() })

test('what was saved is there again', () => {
  expect(openCursor(schema, context('{"count":1}')).before).toEqual({ count: 1 })
})

test.each([
  ['nothing', undefined],
  ['half a text', '{"count":'],
  ['something of another version', '{"count":"1"}'],
])('of %s nothing is understood', (_name, saved) => {
  expect(openCursor(schema, context(saved)).before).toBeUndefined()
})

test('a state is saved when it has changed', async () => {
  const saved = context('{"count":1}')
  const cursor = openCursor(schema, saved)
  for (const count of [1, 2, 2, 1]) await cursor.save({ count })
  expect(saved.cursors).toEqual(['{"count":2}', '{"count":1}'])
})

test('a state that could not be saved is not taken for saved', async () => {
  let attempts = 0
  const saveCursor = async (): Promise<void> => {
    attempts += 1
    if (attempts === 1) throw new Error('no space left')
  }
  const cursor = openCursor(schema, { cursor: undefined, saveCursor })
  await expect(cursor.save({ count: 1 })).rejects.toThrow('no space left')
  await cursor.save({ count: 1 })
  await cursor.save({ count: 1 })
  expect(attempts).toBe(2)
})
