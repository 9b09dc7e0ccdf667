import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const dockerfile = read('Dockerfile')

/** Returns the words of an instruction in exec form. */
function execForm(instruction: string): string[] {
  const [, list = '[]'] = new RegExp(`^\\s*${instruction} (\\[.*\\])$`, 'm').exec(dockerfile) ?? []
  return JSON.parse(list) as string[]
}

/** Returns the flags of Node in the first line of a program. */
function flagsOf(program: string): string[] {
  const [firstLine = ''] = read(program).split('\n', 1)
  return firstLine.split(' ').filter((word) => word.startsWith('--') && !word.startsWith('--conditions'))
}

test('the program of the published package has the flags of `bin/rca-agent.js`', () => {
  expect(flagsOf('src/rca-agent.ts')).toEqual(flagsOf('bin/rca-agent.js'))
})

describe('Dockerfile', () => {
  test('starts the agent with the flags of `bin/rca-agent.js`, except the one that runs sources', () => {
    expect(execForm('ENTRYPOINT')).toEqual(['node', ...flagsOf('bin/rca-agent.js'), '/app/dist/main.js'])
  })

  test('runs as a numeric user, which needs no /etc/passwd in the base image', () => {
    expect(dockerfile).toMatch(/^USER 10001:10001$/m)
    expect(dockerfile).toMatch(/^COPY --chown=10001:10001 state \/var\/lib\/rca-agent$/m)
  })

  test('works with any base image, and starts no shell', () => {
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=\S+$/m)
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)).toEqual(['${NODE_IMAGE}'])
    for (const [, form] of dockerfile.matchAll(/^(?:RUN|ENTRYPOINT|\s*CMD) (.)/gm)) expect(form).toBe('[')
  })
})
