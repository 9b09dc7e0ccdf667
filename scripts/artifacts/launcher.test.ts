import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeLauncher } from './launcher.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('the launcher of Windows starts the program beside it, with lines that end as there', () => {
  const { path, content } = makeLauncher(root, 'win-x64')
  expect(path).toBe('bin/rca-agent.cmd')
  expect(String(content)).toMatch(/^@rem [^\n]+\r\n@"%~dp0node\.exe" --\S.* "%~dp0\.\.\\app\\dist\\main\.js" %\*\r\n$/)
})

test('the launcher sets each flag of Node once, and saves memory as the image does', () => {
  const text = String(makeLauncher(root, 'linux-x64').content)
  const flags = [...text.matchAll(/ (--[a-z\d-]+)/g)].map(([, name]) => name)
  expect(flags).toEqual([...new Set(flags)])
  expect(flags).toEqual(expect.arrayContaining(['--no-opt', '--no-maglev', '--max-semi-space-size']))
  const [variable] = /MALLOC_ARENA_MAX=\d/.exec(readFileSync(join(root, 'apps/agent/Dockerfile'), 'utf8')) ?? []
  expect(text).toContain(`export ${variable}\n`)
})
