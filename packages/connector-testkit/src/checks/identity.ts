import { entityKey } from '@rca/core/testing'
import { signalsOf } from '../session.ts'
import type { CheckDefinition } from '../subject.ts'
import { distinct, rehearsed } from './definitions.ts'

/** Checks of `identify`. */
export const identityChecks: readonly CheckDefinition[] = [
  rehearsed(
    {
      id: 'IDN-works',
      title: 'identifies what it watches, with an id, a name and an entity',
      reason: 'Without an identity the agent does not start.',
      severity: 'error',
      remedy: 'Return `{ id, name, entity }`, with an entity of a declared type.',
    },
    ({ connections }, { connector }) =>
      distinct(
        connections.flatMap(({ identity, identityError }) => {
          if (identityError !== undefined) return [`\`identify\` failed: ${identityError}`]
          if (typeof identity?.id !== 'string' || identity.id === '') return ['the `id` must be a text']
          if (typeof identity.name !== 'string' || identity.name === '') return ['the `name` must be a text']
          const types = Object.values(connector.signals).flatMap((each) =>
            each.signal === 'entity' ? [each.type] : [],
          )
          return types.includes(identity.entity?.type) ? [] : ['the `entity` must be of a type in `signals`']
        }),
      ),
  ),
  rehearsed(
    {
      id: 'IDN-stable',
      title: 'identifies the same thing by the same id',
      reason: 'With another id, a restarted agent is another agent, and the first one stays offline.',
      severity: 'error',
      remedy: 'Use an id of the watched system, never a random number, an address or a time.',
    },
    ({ connections }) => {
      const ids = distinct(connections.flatMap(({ identity }) => (identity === undefined ? [] : [String(identity.id)])))
      return ids.length > 1 ? [`\`identify\` returned ${ids.map((id) => `\`${id}\``).join(', then ')}`] : []
    },
  ),
  rehearsed(
    {
      id: 'IDN-described',
      title: 'describes the entity of its identity in a collector',
      reason: 'The agent observes this entity: without it, the topology has no root.',
      severity: 'error',
      remedy: 'Describe it in a collector.',
    },
    ({ connections }) =>
      distinct(
        connections.flatMap(({ identity, rounds }) => {
          const entity = identity?.entity
          if (entity === undefined || rounds.length === 0) return []
          const isDescribed = rounds.some((round) =>
            signalsOf(round).entities.some((each) => entityKey(each) === entityKey(entity)),
          )
          return isDescribed ? [] : [`no collector describes ${entity.type} \`${entity.id}\``]
        }),
      ),
  ),
]
