import type { CheckDescription } from '../check.ts'
import type { ImportOutcome, ImportRecord } from '../package-under-check.ts'
import type { CheckDefinition, Subject } from '../subject.ts'
import { distinct } from './definitions.ts'

/** CPU time of an import. */
const MAX_IMPORT_CPU_MS = 1500

/** The fastest import counts: on a busy machine, the same work takes more CPU time. */
const IMPORTS = 3

/** Packages that describe options: a connector needs them before it connects. */
const SCHEMA_LIBRARIES = new Set(['zod', 'valibot', '@valibot/to-json-schema', 'arktype'])

/** Checks of the import of the package, in a process of its own. */
export const loadingChecks: readonly CheckDefinition[] = [
  {
    id: 'LOAD-ends',
    title: 'can be imported, and the import ends',
    reason: 'A platform imports a package before it offers its type.',
    severity: 'error',
    remedy: 'Wait for nothing at the top level of a module: do it in `connect`.',
    find: async (subject) => {
      if (subject.package === undefined) return { skipped: 'it needs `packageFolder`' }
      const { record, exitCode } = await subject.package.imported()
      if (record !== undefined) return []
      return [
        exitCode === null || exitCode === 13
          ? 'the import did not end'
          : `the import ended the process with code ${exitCode}`,
      ]
    },
  },
  imported(
    {
      id: 'LOAD-works',
      title: 'imports without an error',
      reason: 'A package whose import fails offers nothing.',
      severity: 'error',
      remedy: 'Publish JavaScript, with every package that it imports in `dependencies`.',
    },
    ({ error }) => (error === undefined ? [] : [`the import failed: ${error}`]),
  ),
  imported(
    {
      id: 'LOAD-fast',
      title: 'imports fast',
      reason: 'The agent and the platform wait for the import when they start.',
      severity: 'error',
      remedy: 'Import client libraries in `connect`, with `await import("…")`.',
    },
    async ({ cpuMs }, { package: found }) => {
      let least = cpuMs
      for (let count = 1; count < IMPORTS && least >= MAX_IMPORT_CPU_MS; count += 1)
        least = Math.min(least, (await found?.importedAgain())?.record?.cpuMs ?? least)
      return least < MAX_IMPORT_CPU_MS
        ? []
        : [`the import took ${Math.round(least)} ms of CPU, of ${MAX_IMPORT_CPU_MS}, at best of ${IMPORTS} times`]
    },
  ),
  imported(
    {
      id: 'LOAD-lazy',
      title: 'loads no client library by its import',
      reason: 'The platform imports the package to offer its type: it never connects.',
      severity: 'warning',
      remedy: 'Import client libraries in `connect`, with `await import("…")`.',
    },
    ({ loaded }, { package: found }) => {
      const dependencies = Object.keys((found?.json.dependencies as object | undefined) ?? {})
      return loaded
        .filter((name) => dependencies.includes(name) && !name.startsWith('@rca/') && !SCHEMA_LIBRARIES.has(name))
        .map((name) => `the import loads \`${name}\``)
    },
  ),
  imported(
    {
      id: 'LOAD-globals',
      title: 'leaves prototypes, globals and environment variables as they are',
      reason: 'They belong to every package in the process: a changed prototype has ended a platform.',
      severity: 'error',
      remedy: 'Keep state in objects of your own.',
    },
    ({ changed }) => changed.map((name) => `the import changes \`${name}\``),
  ),
  imported(
    {
      id: 'LOAD-handles',
      title: 'opens nothing by its import',
      reason: 'A timer or socket of an unused package keeps the process alive.',
      severity: 'error',
      remedy: 'Open it in `connect`, and close it in `disconnect`.',
    },
    ({ open }) => distinct(open).map((kind) => `the import leaves open: ${kind}`),
  ),
  imported(
    {
      id: 'LOAD-one',
      title: 'exports exactly one connector of its type',
      reason: 'The agent finds the connector among the exports by its type.',
      severity: 'error',
      remedy: 'Export the result of `defineConnector` once.',
    },
    ({ error, exported }) =>
      error !== undefined || exported.length === 1 ? [] : [`the module exports ${exported.length} connectors`],
  ),
  {
    id: 'LOAD-silent',
    title: 'prints nothing by its import',
    reason: '`rca-agent` prints JSON on standard output for other programs.',
    severity: 'error',
    remedy: 'Remove the output.',
    find: async (subject) => {
      if (subject.package === undefined) return { skipped: 'it needs `packageFolder`' }
      const { printed } = await subject.package.imported()
      return printed === '' ? [] : [`the import printed ${JSON.stringify(printed.slice(0, 100))}`]
    },
  },
]

/** Defines a check of what an import did that ended. */
function imported(
  description: CheckDescription,
  find: (record: ImportRecord, subject: Subject) => readonly string[] | Promise<readonly string[]>,
): CheckDefinition {
  return {
    ...description,
    find: async (subject) => {
      if (subject.package === undefined) return { skipped: 'it needs `packageFolder`' }
      const { record }: ImportOutcome = await subject.package.imported()
      return record === undefined ? { skipped: 'it needs an import that ends' } : find(record, subject)
    },
  }
}
