import { expect, test } from 'vitest'
import { captureOutput } from '../../test/fakes.ts'
import { EXIT_CODES } from '../exit.ts'
import { findConnectors } from '../find-connectors.ts'
import { types } from './types.ts'

test('`types` prints each type with its sentence and its package', async () => {
  const output = captureOutput()
  const registry = await findConnectors({})
  expect(await types(registry, { json: false })).toBe(EXIT_CODES.ok)
  const lines = output.stdout().trimEnd().split('\n')
  expect(lines).toHaveLength(registry.listSupportedTypes().length)
  expect(lines[0]).toMatch(/^docker\t[^\t]+\t@rca\/connector-docker@\d+\.\d+\.\d+$/)
})
