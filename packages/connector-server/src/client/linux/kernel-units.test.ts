import { expect, test } from 'vitest'
import { parseKernelUnits } from './kernel-units.ts'

test('parseKernelUnits reads page size and ticks from the auxiliary vector, with defaults', () => {
  const vector = Buffer.alloc(64)
  for (const [index, value] of [17n, 250n, 6n, 65536n].entries()) vector.writeBigUInt64LE(value, index * 8)
  expect(parseKernelUnits(vector)).toEqual({ ticksPerSecond: 250, pageBytes: 65536 })
  expect(parseKernelUnits(Buffer.alloc(0))).toEqual({ ticksPerSecond: 100, pageBytes: 4096 })
})
