import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { server } from './connector.ts'

test.each(['collectors', 'watchers'] as const)('every file of %s is in the table', (folder) => {
  const files = readdirSync(`${import.meta.dirname}/${folder}`).filter((file) => !file.endsWith('.test.ts'))
  expect(Object.keys(server[folder] ?? {}).toSorted()).toEqual(files.map((file) => file.replace('.ts', '')).toSorted())
})
