import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeLauncher } from './launcher.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('the launcher of Windows starts the program beside it, with lines that end as there', () => {
  const { path, content } = makeLauncher(root, 'win-x64')
  expect(path).toBe('bin/rca-agent.cmd')
  expect(String(content)).toMatch(/^@rem [^\n]+\r\n@"%~dp0node\.exe" --\S.* "%~dp0\.\.\\app\\dist\\main\.js" %\*\r\n$/)
})
