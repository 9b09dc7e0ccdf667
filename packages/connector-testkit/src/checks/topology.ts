import type { EntityReference } from '@rca/core/connector'
import { entityKey } from '@rca/core/testing'
import type { Rehearsal } from '../rehearsal.ts'
import { type Round, signalsOf } from '../session.ts'
import type { CheckDefinition } from '../subject.ts'
import { distinct, rehearsed, reportedBy, roundsOf } from './definitions.ts'

const DEFAULT_MAX_POINTS = 200

/** Least share of ids that the next round has too. */
const MIN_STABLE_SHARE = 0.9

/** Checks of entities, their ids and their relations. */
export const topologyChecks: readonly CheckDefinition[] = [
  rehearsed(
    {
      id: 'TOP-described',
      title: 'describes each entity that it refers to',
      reason: 'A value of an unknown entity appears nowhere in the topology.',
      severity: 'error',
      remedy: 'Describe the entity in a collector, or refer to one that is described.',
    },
    (rehearsal, { connector }) => {
      const described = new Set(roundsOf(rehearsal).flatMap(({ entities }) => entities.map(entityKey)))
      const declared = declaredTypes(connector.signals)
      if (described.size === 0) return []
      return distinct(
        referencesOf(rehearsal)
          // Another connector may describe entities of other types.
          .filter(({ reference }) => declared.has(reference.type) && !described.has(entityKey(reference)))
          .map(({ by, reference }) => `${by} refers to ${reference.type} \`${reference.id}\`, which is not described`),
      )
    },
  ),
  rehearsed(
    {
      id: 'TOP-types',
      title: 'refers to declared types of entities only',
      reason: 'A reference to an unknown type leads nowhere.',
      severity: 'error',
      remedy: 'Declare the type in `signals`, also if another connector describes its entities.',
    },
    (rehearsal, { connector }) => {
      const declared = declaredTypes(connector.signals)
      return distinct(
        referencesOf(rehearsal)
          .filter(({ reference }) => !declared.has(reference.type))
          .map(({ by, reference }) => `${by} refers to the type \`${reference.type}\`, which is not declared`),
      )
    },
  ),
  rehearsed(
    {
      id: 'TOP-one-describer',
      title: 'describes each entity in one collector',
      reason: 'Descriptions are merged: each collector alone may overwrite what another one says.',
      severity: 'warning',
      remedy: 'Describe the entity in one collector, and refer to it in the others.',
    },
    ({ connections }) => {
      const types = new Map<string, Set<string>>()
      for (const round of connections.flatMap(({ rounds }) => rounds))
        for (const [type, collectors] of describersOf(round)) types.set(type, collectors)
      return [...types].map(
        ([type, collectors]) =>
          `${[...collectors].map((name) => `\`${name}\``).join(' and ')} describe the same entity of type \`${type}\``,
      )
    },
  ),
  rehearsed(
    {
      id: 'TOP-stable-ids',
      title: 'keeps the ids of entities from round to round, and after a restart',
      reason: 'A new id is a new thing: its history is lost, and the platform fills with deleted ones.',
      severity: 'error',
      remedy: 'Use an id of the source, never a position, a random number or a time.',
    },
    ({ connections }) => {
      const [first, second] = connections
      const [one, two] = first?.rounds ?? []
      const [again] = second?.rounds ?? []
      return distinct([...movedIds('the next round', one, two), ...movedIds('the round after a restart', one, again)])
    },
  ),
  rehearsed(
    {
      id: 'TOP-cardinality',
      title: 'reports few series for one entity',
      reason: 'Each combination of attributes is a series to store.',
      severity: 'warning',
      remedy: 'Make a thing with many values an entity, or leave out attributes with many values.',
    },
    (rehearsal) => {
      const { maxPointsPerEntity = DEFAULT_MAX_POINTS } = rehearsal.scenario
      const findings = roundsOf(rehearsal).flatMap(({ metrics }) => {
        const counts = new Map<string, number>()
        for (const { entity } of metrics) {
          const key = `${entity.type} \`${entity.id}\``
          counts.set(key, (counts.get(key) ?? 0) + 1)
        }
        return [...counts]
          .filter(([, count]) => count > maxPointsPerEntity)
          .map(([entity, count]) => `${entity} has ${count} points a round, of ${maxPointsPerEntity}`)
      })
      return distinct(findings)
    },
  ),
]

function declaredTypes(signals: Readonly<Record<string, { signal: string; type?: string }>>): Set<string | undefined> {
  return new Set(Object.values(signals).flatMap((each) => (each.signal === 'entity' ? [each.type] : [])))
}

function referencesOf(rehearsal: Rehearsal): { readonly by: string; readonly reference: EntityReference }[] {
  return reportedBy(rehearsal).flatMap(({ signals }) => [
    ...signals.metrics.map(({ name, entity }) => ({ by: `\`${name}\``, reference: entity })),
    ...signals.events.map(({ name, entity }) => ({ by: `\`${name}\``, reference: entity })),
    ...signals.entities.flatMap(({ type, relations }) =>
      relations.map((relation) => ({ by: `\`${relation.type}\` of ${type}`, reference: relation.target })),
    ),
  ])
}

/** Returns the types of entities that several collectors of a round describe, with these collectors. */
function describersOf(round: Round): Map<string, Set<string>> {
  const first = new Map<string, string>()
  const several = new Map<string, Set<string>>()
  for (const [collector, { signals }] of round)
    for (const entity of signals.entities) {
      const other = first.get(entityKey(entity)) ?? collector
      first.set(entityKey(entity), other)
      if (other !== collector) several.set(entity.type, (several.get(entity.type) ?? new Set([other])).add(collector))
    }
  return several
}

function movedIds(when: string, before: Round | undefined, after: Round | undefined): string[] {
  if (before === undefined || after === undefined) return []
  const keys = signalsOf(before).entities.map(entityKey)
  const later = new Set(signalsOf(after).entities.map(entityKey))
  const lost = keys.filter((key) => !later.has(key))
  if (lost.length <= keys.length * (1 - MIN_STABLE_SHARE)) return []
  const [type = '', id = ''] = (lost[0] ?? '').split('\n')
  return [`${lost.length} of ${keys.length} entities have other ids in ${when}, such as ${type} \`${id}\``]
}
