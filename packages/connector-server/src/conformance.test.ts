import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checks, type Fault, runChecks, type Scenario, type ScenarioSystem, summarize } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { fixture, fixtureRoot } from '../test/fixture-root.ts'
import { server } from './index.ts'

const CANARY = 'canary-of-a-secret'

/** Files of the kernel, and whether a fault leaves them empty. */
const FILES: Readonly<Record<string, 'filled' | 'perhaps empty'>> = {
  'proc/stat': 'filled',
  'proc/meminfo': 'filled',
  'proc/uptime': 'filled',
  'proc/1/net/dev': 'filled',
  'proc/1/mountinfo': 'filled',
  'proc/diskstats': 'perhaps empty',
  'proc/loadavg': 'perhaps empty',
  'proc/vmstat': 'perhaps empty',
}

/** The captured machine, whose files a fault replaces. */
async function start(): Promise<ScenarioSystem> {
  const root = fixtureRoot()
  root.write('proc/5611/cmdline', `server\0--password=${CANARY}\0`)
  root.write('proc/5611/environ', `API_KEY=${CANARY}\0`)
  root.write('etc/server.conf', `password = ${CANARY}\n`)
  /** Replaces a file until the fault ends. */
  const replacing =
    (file: string, replace: () => void): Fault =>
    () => {
      root.remove(file)
      replace()
      return () => {
        root.remove(file)
        root.write(file, fixture(`linux-vm/${file}`))
      }
    }
  return {
    options: { root_path: root.path },
    faults: Object.fromEntries(
      Object.entries(FILES).flatMap(([file, content]) => [
        [`/${file} cannot be read`, replacing(file, () => mkdirSync(join(root.path, file)))],
        ...(content === 'filled' ? [[`/${file} is empty`, replacing(file, () => root.write(file, ''))] as const] : []),
      ]),
    ),
    act: () => root.write('etc/server.conf', `password = other-${CANARY}\n`),
    secrets: [CANARY],
    environment: [CANARY],
    close: () => rmSync(root.path, { recursive: true, force: true }),
  }
}

const scenario: Scenario = {
  name: 'a virtual machine',
  options: { top_processes: 2, certificate_ports: [] },
  start,
}

const suite = checks(server, {
  scenarios: [scenario],
  packageFolder: `${import.meta.dirname}/..`,
  nodeArguments: ['--conditions=@rca/source'],
  strict: true,
})
for (const { id, run } of suite) test(id, run)

// `npm run docs` writes the table of conformance from this file; `vitest -u` updates it.
test('has the outcomes that conformance.json states', async () => {
  const outcomes = summarize(await runChecks(suite))
  await expect(`${JSON.stringify(outcomes, null, 2)}\n`).toMatchFileSnapshot('../conformance.json')
})
