import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openCursor } from './cursor.ts'

const context = (
  cursor?: string,
): { cursor: string | undefined; cursors: string[]; saveCursor(cursor: string): Promise<void> } => {
  const cursors: string[] = []
  return { cursor, cursors, saveCursor: async (saved) => void cursors.push(saved) }
}

const schema = z.object({ count: z.int() })

describe('openCursor', () => {
  test('returns the saved state', () => {
    expect(openCursor(schema, context('{"count":1}')).before).toEqual({ count: 1 })
  })

  test.each([
    ['a missing cursor', undefined],
    ['a truncated text', '{"count":'],
    ['a state of another version', '{"count":"1"}'],
  ])('returns no state for %s', (_name, saved) => {
    expect(openCursor(schema, context(saved)).before).toBeUndefined()
  })

  test('saves a state only if it has changed', async () => {
    const saved = context('{"count":1}')
    const cursor = openCursor(schema, saved)
    for (const count of [1, 2, 2, 1]) await cursor.save({ count })
    expect(saved.cursors).toEqual(['{"count":2}', '{"count":1}'])
  })

  test('saves a state again if saving it failed', async () => {
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
})
