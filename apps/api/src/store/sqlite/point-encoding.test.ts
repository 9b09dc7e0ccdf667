import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { packPoints, unpackPoints } from './point-encoding.ts'

/** Values as agents report them, and any others. */
const value = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.maxSafeInteger(),
  fc.integer({ min: -100_000, max: 100_000 }).map((number) => number / 100),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 51, 2 ** 51 + 1, -(2 ** 53), 0.1 + 0.2),
)

/** Arrays of one kind of values too: those are packed in fewer bytes. */
const values = fc.oneof(
  fc.array(value, { minLength: 1, maxLength: 200 }),
  fc.array(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), { minLength: 1, maxLength: 200 }),
  fc
    .tuple(
      fc.array(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 12 }),
    )
    .map(([numbers, decimals]) => numbers.map((number) => number / 10 ** decimals)),
)

function bitsOf(numbers: Float64Array): bigint[] {
  return [...new BigUint64Array(numbers.slice().buffer)]
}

/** Returns what a point takes when `values` are packed, with times that differ by some milliseconds. */
function bytesPerPoint(numbers: readonly number[]): number {
  const at = Float64Array.from(numbers, (_, index) => 1.7e12 + index * 30_000 + ((index * 7919) % 11))
  return packPoints({ at, values: Float64Array.from(numbers) }).length / numbers.length
}

describe('packed points', () => {
  test('are the same, bit by bit', () => {
    fc.assert(
      fc.property(
        values,
        fc.integer({ min: -8.64e15, max: 8.64e15 }),
        fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 1e10 }))),
        (numbers, first, gaps) => {
          let time = first
          const at = Float64Array.from(numbers, (_, index) => {
            if (index > 0) time += gaps.next().value
            return time
          })
          const points = { at, values: Float64Array.from(numbers) }
          const unpacked = unpackPoints(packPoints(points), numbers.length)
          expect(unpacked.at).toEqual(at)
          expect(bitsOf(unpacked.values)).toEqual(bitsOf(points.values))
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('take few bytes for values as agents report them', () => {
    const count = 720
    const series = (next: (index: number) => number): number[] =>
      Array.from({ length: count }, (_, index) => next(index))
    const noise = (index: number): number => ((index * 7919) % 1009) / 1009
    expect(bytesPerPoint(series(() => 8_589_934_592))).toBeLessThan(1)
    expect(bytesPerPoint(series((index) => 4e8 + Math.floor(noise(index) * 100) * 4096))).toBeLessThan(3)
    expect(bytesPerPoint(series((index) => 5e10 + index * 1e6 + Math.floor(noise(index) * 1e6)))).toBeLessThan(4)
    expect(bytesPerPoint(series((index) => Math.round(noise(index) * 1e4) / 100))).toBeLessThan(4)
    expect(bytesPerPoint(series(noise))).toBeLessThan(9)
  })

  test('are refused with another version or number', () => {
    const packed = packPoints({ at: Float64Array.of(1, 2, 3), values: Float64Array.of(0.1, 0.2, 1 / 3) })
    expect(() => unpackPoints(packed, 2)).toThrow(/Packed points are damaged/)
    expect(() => unpackPoints(packed, 4)).toThrow(/Packed points are damaged/)
    expect(() => unpackPoints(Uint8Array.of(9, ...packed.subarray(1)), 3)).toThrow(
      'Packed points of version 9 cannot be read.',
    )
  })
})
