import { readFileSync } from 'node:fs'
import { hasProgram, run } from '@rca/rig'
import { realTest } from '@rca/rig/real'
import { expect } from 'vitest'

const template = readFileSync(new URL('../install/agent.rb', import.meta.url), 'utf8')

realTest('Ruby parses the formula', await hasProgram('ruby'), async () => {
  const formula = template.replaceAll(/@[A-Z][A-Z0-9_]*@/g, "'value'")
  expect(await run('ruby', ['-wc', '-e', formula])).toBe('Syntax OK\n')
  await expect(run('ruby', ['-wc', '-e', formula.trimEnd().replace(/end$/, '')])).rejects.toThrow()
})
