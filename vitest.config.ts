import { existsSync, readdirSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { RealTestsFirst } from './scripts/real-tests-first.ts'

const workspaces = [
  ...['packages', 'apps'].flatMap((folder) =>
    readdirSync(folder)
      .map((name) => ({ name, root: `${folder}/${name}` }))
      .filter(({ root }) => existsSync(`${root}/package.json`)),
  ),
  { name: 'rig', root: 'rig' },
]

/** Tests of newer platforms, which `npm run test:newer` starts. */
const newerTests = process.env.RCA_TEST_NEWER === '1' ? ['newer/**/*.test.ts'] : []
const newerRepositoryTests = newerTests.map((pattern) => `test/${pattern}`)

export default defineConfig({
  // Without `module`, which Node does not have: packages may have files for bundlers there.
  ssr: { resolve: { conditions: ['@rca/source', 'node', 'development|production'] } },
  test: {
    pool: 'forks',
    // More than CPUs are there: tests of real systems mostly wait.
    maxWorkers: 3,
    // For a machine that is busy with other work: what fails ends earlier by itself.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    // Engines and clusters that the tests started are stopped in this time.
    teardownTimeout: 300_000,
    sequence: { sequencer: RealTestsFirst },
    globalSetup: './rig/src/global-setup.ts',
    reporters: ['default', './scripts/count-reporter.ts'],
    projects: [
      ...workspaces.map(({ name, root }) => ({
        extends: true as const,
        test: {
          name,
          root,
          include: ['src/**/*.test.ts', 'test/**/*.test.ts', ...newerTests],
          // Loading the packages for each of many small test files takes longer than their tests. Those of agent and
          // example end processes and start long ones.
          isolate: name === 'agent' || name === 'example',
          // Its tests measure the delay of events on real systems: run them after the load of all others.
          ...(name === 'example' ? { maxWorkers: 2, sequence: { groupOrder: 1 } } : {}),
        },
      })),
      {
        extends: true,
        test: { name: 'repository', include: ['test/*.test.ts', 'scripts/**/*.test.ts', ...newerRepositoryTests] },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
      thresholds: { lines: 90 },
    },
  },
})
