import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { server } from './connector.ts'

test.each([
  ['collectors', 'collectors'],
  ['watchers', 'events'],
] as const)('the table `%s` holds every file of src/%s', (table, folder) => {
  const files = readdirSync(`${import.meta.dirname}/${folder}`).filter((file) => !file.endsWith('.test.ts'))
  expect(Object.keys(server[table] ?? {}).toSorted()).toEqual(files.map((file) => file.replace('.ts', '')).toSorted())
})
