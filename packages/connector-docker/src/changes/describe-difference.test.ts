import { expect, test } from 'vitest'
import { changed } from '../../test/engine-events.ts'
import { captured } from '../../test/fixtures.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { compareSpecs, specOf } from './container-spec.ts'
import { describeDifference } from './describe-difference.ts'

const plain = changed(captured().container('plain'), { limits: { memory: 134_217_728, cpus: 0.5 } })
const MiB = 1024 * 1024

test.each<[string, Partial<ContainerDetails['limits']>, readonly string[], string]>([
  ['limits', { memory: 32 * MiB, cpus: 2 }, plain.environment, 'memory limit 128 MiB → 32 MiB; CPU limit 0.5 → 2'],
  ['larger units', { memory: 1536 * MiB }, plain.environment, 'memory limit 128 MiB → 1.5 GiB'],
  ['a removed limit', { memory: undefined }, plain.environment, 'memory limit 128 MiB → none'],
  ['variables', {}, ['A=secret', 'B=secret'], 'variable PATH removed; variable A added; variable B added'],
  [
    'many differences',
    {},
    [...plain.environment, ...Array.from({ length: 20 }, (_, index) => `V${index}=x`)],
    'variable V0 added; variable V1 added; variable V10 added; variable V11 added; variable V12 added; variable V13 added; variable V14 added; variable V15 added; 12 more',
  ],
])('describeDifference describes %s', (_what, limits, environment, text) => {
  const after = changed(plain, { limits, environment })
  const [one, other] = [specOf(plain, (value) => value), specOf(after, (value) => value)]
  const difference = compareSpecs(one, other)
  expect(difference && describeDifference(one, after, difference)).toBe(text)
})
