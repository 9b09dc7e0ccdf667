import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const dockerfile = read('Dockerfile')

/** An instruction in its form with brackets. */
function words(instruction: string): string[] {
  const [, list = '[]'] = new RegExp(`^\\s*${instruction} (\\[.*\\])$`, 'm').exec(dockerfile) ?? []
  return JSON.parse(list) as string[]
}

it('starts the agent with the flags of `bin/rca-agent.js`, but for the one that runs sources', () => {
  const [firstLine = ''] = read('bin/rca-agent.js').split('\n', 1)
  const flags = firstLine.split(' ').filter((word) => word.startsWith('--') && !word.startsWith('--conditions'))
  expect(words('ENTRYPOINT')).toEqual(['node', ...flags, '/app/dist/main.js'])
})

it('runs as a user with a number, which needs no /etc/passwd of the base', () => {
  expect(dockerfile).toMatch(/^USER 10001:10001$/m)
  expect(dockerfile).toMatch(/^COPY --from=files --chown=10001:10001 \/state \/var\/lib\/rca-agent$/m)
})

it('takes any base, and starts no shell in it', () => {
  expect(dockerfile).toMatch(/^ARG NODE_IMAGE=\S+$/m)
  expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)).toEqual(['${NODE_IMAGE}', '${NODE_IMAGE}'])
  for (const [, form] of dockerfile.matchAll(/^(?:RUN|ENTRYPOINT|\s*CMD) (.)/gm)) expect(form).toBe('[')
})
