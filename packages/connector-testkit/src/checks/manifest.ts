import { existsSync } from 'node:fs'
import { isOwnPackage, manifestWarnings, parseManifest, resolveModule } from '@rca/core/testing'
import { subset, validRange } from 'semver'
import type { CheckDescription } from '../check.ts'
import type { PackageUnderCheck } from '../package-under-check.ts'
import type { CheckDefinition, Findings, Subject } from '../subject.ts'

/** Versions of Node.js on which agents run. */
const AGENT_NODE_RANGE = '>=20.19'

type Manifest = Readonly<Record<string, unknown>>

/** Checks of package.json. */
export const manifestChecks: readonly CheckDefinition[] = [
  inPackage(
    {
      id: 'MAN-present',
      title: 'has a manifest',
      reason: 'Agent and platform find connectors by `rca` in package.json.',
      severity: 'error',
      remedy: 'Add `rca` with `contract`, `type`, `title`, `description` and `module` to package.json.',
    },
    ({ json }) => (json.rca === undefined ? ['package.json has no `rca`'] : []),
  ),
  ofManifest(
    {
      id: 'MAN-valid',
      title: 'has a manifest that core accepts: contract, type, title, description and module',
      reason: 'Core refuses the package otherwise.',
      severity: 'error',
      remedy: 'Correct `rca` in package.json.',
    },
    (rca) => {
      const parsed = parseManifest(rca)
      return 'problem' in parsed ? [parsed.problem] : []
    },
  ),
  ofManifest(
    {
      id: 'MAN-keys',
      title: 'has only known keys in its manifest',
      reason: 'Core ignores an unknown key, perhaps one with a typing error.',
      severity: 'warning',
      remedy: 'Correct or remove the key.',
    },
    (rca) => manifestWarnings(rca).filter((warning) => warning.includes('is unknown')),
  ),
  ofManifest(
    {
      id: 'MAN-vendor',
      title: 'has a type of its vendor',
      reason: 'A single word may be the type of another package one day.',
      severity: 'warning',
      remedy: 'Call the type `vendor/name`.',
    },
    (rca, { package: found }) =>
      isOwnPackage(String(found?.json.name))
        ? []
        : manifestWarnings(rca).filter((warning) => warning.includes('may be that of another package')),
  ),
  {
    id: 'MAN-module',
    title: 'has the module of its manifest',
    reason: 'Core imports this module.',
    severity: 'error',
    remedy: 'Build the package, and name one of its `exports` in `rca.module`.',
    find: ({ package: found }) => {
      if (found === undefined) return { skipped: 'it needs `packageFolder`' }
      const { module = '.' } = manifestOf(found) ?? {}
      if (typeof module !== 'string' || !module.startsWith('.')) return []
      try {
        const file = resolveModule(found.folder, String(found.json.name), module, found.json.exports)
        return existsSync(file) ? [] : [`\`rca.module\` leads to ${file}, which does not exist`]
      } catch (error) {
        return [`\`rca.module\` does not lead to a file: ${(error as Error).message}`]
      }
    },
  },
  ...(['type', 'title', 'description'] as const).map((field) =>
    ofManifest(
      {
        id: `MAN-same-${field}`,
        title: `has the same ${field} in manifest and code`,
        reason: 'The platform shows the manifest before it loads the code: both must agree.',
        severity: 'error',
        remedy: `Correct \`rca.${field}\` in package.json.`,
      },
      (rca, { connector }) =>
        typeof rca[field] === 'string' && rca[field] !== '' && rca[field] !== connector[field]
          ? [`\`rca.${field}\` is "${rca[field]}", in the code "${connector[field]}"`]
          : [],
    ),
  ),
  inPackage(
    {
      id: 'MAN-peer',
      title: 'has core as its peer',
      reason: 'A second copy of core costs memory, and may implement another version of the contract.',
      severity: 'error',
      remedy: 'Name `@rca/core` in `peerDependencies`, not in `dependencies`.',
    },
    ({ json }) => {
      const { peerDependencies = {}, dependencies = {} } = json as Record<string, object>
      return [
        ...('@rca/core' in peerDependencies ? [] : ['`@rca/core` is missing in `peerDependencies`']),
        ...('@rca/core' in dependencies ? ['`@rca/core` is in `dependencies`'] : []),
      ]
    },
  ),
  inPackage(
    {
      id: 'MAN-files',
      title: 'says what it publishes, under which license, and has a README',
      reason: 'Tests, sources and secrets are published by accident where `files` is missing.',
      severity: 'error',
      remedy: 'Set `files` and `license` in package.json, and write a README.md.',
    },
    (found) => [
      ...(Array.isArray(found.json.files) && found.json.files.length > 0 ? [] : ['package.json has no `files`']),
      ...(typeof found.json.license === 'string' ? [] : ['package.json has no `license`']),
      ...(found.has('README.md') ? [] : ['there is not a README.md']),
    ],
  ),
  inPackage(
    {
      id: 'MAN-engines',
      title: 'runs on every Node.js of the agent',
      reason: 'An agent on an older Node.js fails with a syntax error otherwise.',
      severity: 'error',
      remedy: `Set \`engines.node\` in package.json to \`${AGENT_NODE_RANGE}\`, and build for it.`,
    },
    ({ json }) => {
      const { node } = (json.engines ?? {}) as { node?: unknown }
      if (typeof node !== 'string' || validRange(node) === null) return ['package.json has no `engines.node`']
      return subset(AGENT_NODE_RANGE, node) ? [] : [`\`engines.node\` is "${node}", agents run on ${AGENT_NODE_RANGE}`]
    },
  ),
]

function inPackage(description: CheckDescription, find: (found: PackageUnderCheck) => Findings): CheckDefinition {
  return {
    ...description,
    find: ({ package: found }) => (found === undefined ? { skipped: 'it needs `packageFolder`' } : find(found)),
  }
}

function ofManifest(
  description: CheckDescription,
  find: (rca: Manifest, subject: Subject) => Findings,
): CheckDefinition {
  return {
    ...description,
    find: (subject) => {
      if (subject.package === undefined) return { skipped: 'it needs `packageFolder`' }
      const rca = manifestOf(subject.package)
      return rca === undefined ? { skipped: 'it needs a manifest' } : find(rca, subject)
    },
  }
}

function manifestOf({ json }: PackageUnderCheck): Manifest | undefined {
  const { rca } = json
  return typeof rca === 'object' && rca !== null ? (rca as Manifest) : undefined
}
