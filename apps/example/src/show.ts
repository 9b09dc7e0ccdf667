import type { AgentAnswer, EntityAnswer, EventAnswer, SeriesAnswer } from './platform.ts'
import { formatValue, table } from './tables.ts'

/** Most rows of one table. */
const MOST_ROWS = 16

/** The types that can be provisioned. */
export function showTypes(types: readonly string[], descriptions: Readonly<Record<string, string>>): string {
  return table(
    ['type', 'description'],
    types.map((type) => [type, descriptions[type] ?? '']),
  )
}

/** Who reports, and how they are. */
export function showAgents(agents: readonly AgentAnswer[]): string {
  const rows = agents.map(({ environment, agent_type: type, name, connectivity, health }) => {
    const collectors = Object.values(health.collectors)
    const well = collectors.filter((collector) => collector.ok).length
    return [environment, type, name ?? '', connectivity, health.status, `${well} of ${collectors.length}`]
  })
  const gaps = agents.flatMap(({ environment, health }) =>
    health.gaps.map(({ scope, reason }) => [environment, scope, shorten(reason)]),
  )
  const agentTable = table(['environment', 'type', 'name', 'connectivity', 'health', 'collectors well'], rows)
  return gaps.length === 0
    ? agentTable
    : `${agentTable}\n\nWhat cannot be seen\n${table(['environment', 'scope', 'reason'], gaps)}`
}

/** How many things of each type, and what some are called. */
export function showEntities(entities: readonly EntityAnswer[]): string {
  const byType = Map.groupBy(entities, (entity) => entity.type)
  const rows = [...byType].map(([type, members]) => [
    type,
    String(members.length),
    shorten(members.map((member) => member.name).join(', ')),
  ])
  return table(['type', 'number', 'names'], rows)
}

/** One series of each metric: the one that says most about the whole. */
export function showMetrics(series: readonly SeriesAnswer[], entities: readonly EntityAnswer[]): string {
  const names = new Map(entities.map(({ type, id, name }) => [`${type} ${id}`, name]))
  const byName = Map.groupBy(
    series.filter(({ name, last }) => last !== undefined && !name.startsWith('rca.')),
    ({ name }) => name,
  )
  const rows = [...byName.values()]
    .flatMap((members) => members.toSorted((left, right) => size(left) - size(right)).slice(0, 1))
    .toSorted((left, right) => rank(left) - rank(right))
    .slice(0, MOST_ROWS)
    .map(({ name, unit, attributes, entity, last }) => {
      const whose = names.get(`${entity.type} ${entity.id}`) ?? entity.id
      const labels = Object.entries(attributes).map(([key, value]) => `${key}=${String(value)}`)
      return [
        name,
        shorten(whose),
        shorten(labels.join(' ')),
        formatValue(last?.value ?? Number.NaN, unit),
        last?.at ?? '',
      ]
    })
  const more = byName.size - rows.length
  return `${table(['metric', 'of', 'attributes', 'value', 'at'], rows)}\n${series.length} series of ${byName.size} metrics${more > 0 ? `, ${more} more metrics are not shown` : ''}`
}

/** What happened, the newest first. */
export function showEvents(events: readonly EventAnswer[]): string {
  if (events.length === 0) return 'Nothing has happened since the agent started.'
  return table(
    ['at', 'severity', 'event', 'what'],
    events.map(({ at, severity, name, body }) => [at, severity, name, shorten(body)]),
  )
}

/** Few and short attributes say most about the whole: `/` before `/mnt/data`. */
function size({ attributes }: SeriesAnswer): number {
  return JSON.stringify(attributes).length
}

/** Shares first, then amounts, then counts: what is understood at a glance. */
function rank({ unit }: SeriesAnswer): number {
  return unit === '1' ? 0 : unit === 'By' ? 1 : 2
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}
