import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { boundaryViolation } from './boundary-rules.ts'
import { readImports } from './read-imports.ts'

const files = globSync('{packages,apps}/*/{src,test,bench,bin}/**/*.{ts,js}', {
  exclude: ['**/node_modules', '**/dist', '**/fixtures'],
}).map((file) => file.replaceAll('\\', '/'))

describe('import boundaries', () => {
  test('cover the sources of packages', () => {
    expect(files).toContain('packages/core/src/connector/connector.ts')
  })

  test.each(files)('%s', (file) => {
    const imports = readImports(readFileSync(file, 'utf8'))
    const violations = imports.flatMap((imported) => {
      const reason = boundaryViolation(file, imported)
      return reason === undefined ? [] : [`${imported.form} import of '${imported.specifier}': ${reason}`]
    })
    expect(violations).toEqual([])
  })
})

test('`@rca/core/connector` exports at most 40 names, types included', () => {
  const entry = readFileSync('packages/core/src/connector/index.ts', 'utf8')
  const lists = [...entry.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, names = '']) => names.split(','))
  const names = lists.flat().filter((name) => name.trim() !== '')
  expect(names.length).toBeGreaterThan(30)
  expect(names.length).toBeLessThanOrEqual(40)
})

describe('boundaryViolation', () => {
  const core = 'packages/core/src/agent/agent.ts'
  const collector = 'packages/connector-server/src/collectors/memory.ts'
  const client = 'packages/connector-server/src/client/client.ts'

  test.each([
    [core, `import { server } from '@rca/connector-server'`],
    [core, `import type { Api } from '@rca/api'`],
    [core, `export * from '@rca/agent'`],
    [core, `import { server } from '../../../connector-server/src/index.ts'`],
    [core, `const si = await import('systeminformation')`],
    [collector, `import { docker } from '@rca/connector-docker'`],
    [collector, `import { createAgent } from '@rca/core'`],
    [collector, `import type { Report } from '@rca/core/protocol'`],
    [collector, `import { conformance } from '@rca/connector-testkit'`],
    [collector, `type Api = import('@rca/api').Api`],
    [collector, `const si = await import('systeminformation')`],
    [collector, `import type { Systeminformation } from 'systeminformation'`],
    [collector, `const si = require('systeminformation')`],
    ['packages/connector-server/src/client/open-client.ts', `const si = await import('systeminformation')`],
    [
      'packages/connector-server/src/client/host-facts.ts',
      `type SystemInformation = typeof import('systeminformation')`,
    ],
    [client, `import si from 'systeminformation'`],
    [client, `import { type Systeminformation } from 'systeminformation'`],
    [client, `export { mem } from 'systeminformation'`],
    ['packages/connector-kubernetes/src/client.ts', `import { KubeConfig } from '@kubernetes/client-node'`],
    ['packages/connector-docker/src/index.ts', `import Docker from 'dockerode/lib/docker'`],
    ['apps/agent/src/main.ts', `import { createServer } from '@rca/api'`],
    ['apps/agent/src/main.ts', `import type { Systeminformation } from 'systeminformation'`],
    ['apps/api/src/main.ts', `import { run } from '@rca/example'`],
  ])('rejects in %s: %s', (file, source) => {
    expect(violationsOf(file, source)).toHaveLength(1)
  })

  test.each([
    [core, `import { z } from 'zod'\nimport { run } from './run.ts'`],
    [core, `/** import { server } from '@rca/connector-server' */ export const text = "from '@rca/api'"`],
    [collector, `import { metric } from '@rca/core/connector'`],
    ['packages/connector-server/src/connector.test.ts', `import { createAgent } from '@rca/core'`],
    ['packages/connector-docker/test/engine.ts', `import type { Report } from '@rca/core/protocol'`],
    ['packages/connector-testkit/src/clock.ts', `import { toMilliseconds } from '@rca/core'`],
    ['packages/connector-server/src/connector.test.ts', `import { conformance } from '@rca/connector-testkit'`],
    [client, `import type { Systeminformation } from 'systeminformation'`],
    [client, `const si = await import('systeminformation')`],
    [
      'apps/example/src/main.ts',
      `import { createServer } from '@rca/api'\nimport { server } from '@rca/connector-server'`,
    ],
  ])('accepts in %s: %s', (file, source) => {
    expect(violationsOf(file, source)).toEqual([])
  })
})

function violationsOf(file: string, source: string): string[] {
  return readImports(source).flatMap((imported) => boundaryViolation(file, imported) ?? [])
}
