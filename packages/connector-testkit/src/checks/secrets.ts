import { writtenForms } from '@rca/core/testing'
import type { Rehearsal } from '../rehearsal.ts'
import type { CheckDefinition } from '../subject.ts'
import { inRehearsals, reportedBy } from './definitions.ts'

/** Checks that secrets stay on the host. */
export const secretChecks: readonly CheckDefinition[] = [
  {
    id: 'SEC-canary',
    title: 'reports, logs and throws no secret in any form',
    reason: 'Core redacts secrets that it knows; others would be stored on the platform as plain text.',
    severity: 'error',
    remedy: 'Leave out values of variables, arguments and headers, and run `redactSecrets` over texts.',
    find: async (subject) => {
      const all = await subject.rehearsals()
      if (all.every(({ secrets }) => secrets.length === 0))
        return { skipped: 'it needs a secret option, or `secrets` of a scenario' }
      return inRehearsals(subject, (rehearsal) =>
        placesOf(rehearsal, writtenForms(rehearsal.secrets)).map((place) => `${place} a planted secret`),
      )
    },
  },
  {
    id: 'SEC-environment',
    title: 'reports no value of a variable, an argument or a header of what it watches',
    reason: 'They hold passwords and tokens, which no list of known secrets is complete enough to redact.',
    severity: 'error',
    remedy: 'Report names, or a keyed hash that changes with the value: `keyedHash` of the context of `connect`.',
    find: async (subject) => {
      const all = await subject.rehearsals()
      if (all.every(({ environment }) => environment.length === 0))
        return { skipped: 'it needs `environment` of a scenario' }
      return inRehearsals(subject, (rehearsal) =>
        placesOf(rehearsal, rehearsal.environment).map((place) => `${place} a value of the environment`),
      )
    },
  },
]

/** Returns where one of some texts left the connector. */
function placesOf(rehearsal: Rehearsal, forms: readonly string[]): string[] {
  const { texts, connections } = rehearsal
  const reported = reportedBy(rehearsal).map(({ source, signals }) => ({
    source: `\`${source}\` reports`,
    text: JSON.stringify(signals),
  }))
  const identities = connections.map(({ identity }) => ({
    source: '`identify` returns',
    text: JSON.stringify(identity ?? {}),
  }))
  const logged = texts.map((text) => ({ source: 'a log line or an error contains', text }))
  const found = [...reported, ...identities, ...logged].filter(({ text }) => forms.some((form) => text.includes(form)))
  return [...new Set(found.map(({ source }) => source))]
}
