import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/fakes.ts'
import { parseEnvironmentFile, renderEnvironmentFile } from './environment-file.ts'

describe('the environment file', () => {
  test.each(['', 'a b', '"', '\\', '\\"', '$HOME', '`id`', "'", '#', '%n', 'a="b"', ' ä '])(
    'reads back the value %j',
    (value) => {
      const variables = { OPTION: value, OTHER: 'value' }
      expect(parseEnvironmentFile(renderEnvironmentFile(variables))).toEqual(variables)
    },
  )

  test('has the same values for a shell', () => {
    const variables = { PLAIN: 'a b', SPECIAL: '"\\$HOME`id`\'#%' }
    const file = join(temporaryDirectory(), 'agent.env')
    writeFileSync(file, renderEnvironmentFile(variables))
    const script = `. ${file} && printf '%s\\n%s' "$PLAIN" "$SPECIAL"`
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(Object.values(variables).join('\n'))
  })

  test('refuses a line break, and does not repeat the value', () => {
    const render = () => renderEnvironmentFile({ AGENT_TOKEN: 'secret\nPATH=/tmp' })
    expect(render).toThrow('AGENT_TOKEN contains a line break')
    expect(render).not.toThrow('secret')
  })
})
