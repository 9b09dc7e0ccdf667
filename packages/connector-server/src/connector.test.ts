import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { server } from './connector.ts'

describe.each([
  ['collectors', 'collectors'],
  ['watchers', 'events'],
] as const)('%s', (table, folder) => {
  const files = readdirSync(`${import.meta.dirname}/${folder}`).filter((file) => !file.endsWith('.test.ts'))

  test(`are the files of src/${folder}`, () => {
    const names = files.map((file) => file.replace('.ts', ''))
    expect(Object.keys(server[table] ?? {}).toSorted()).toEqual(names.toSorted())
  })

  test.each(files)('declare the signals of %s', async (file) => {
    const exported: Record<string, object> = await import(/* @vite-ignore */ `${import.meta.dirname}/${folder}/${file}`)
    const signals = Object.entries(exported).flatMap(([name, value]) =>
      name.endsWith('Signals') ? Object.values(value) : [],
    )
    expect(signals).not.toEqual([])
    expect(Object.values(server.signals)).toEqual(expect.arrayContaining(signals))
  })
})
