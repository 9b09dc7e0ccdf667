import type { AgentAnswer, EntityAnswer, EventAnswer, SeriesAnswer } from './platform.ts'
import { formatValue, table } from './tables.ts'

const MAX_ROWS = 16
/** Longest list or text in a cell, in characters. */
const MAX_CELL_LENGTH = 80

export function showTypes(types: readonly string[], descriptions: Readonly<Record<string, string>>): string {
  return table(
    ['type', 'description'],
    types.map((type) => [type, descriptions[type] ?? '']),
  )
}

/** Lists agents and their health, then their gaps. */
export function showAgents(agents: readonly AgentAnswer[]): string {
  const rows = agents.map(({ environment, agent_type: type, name, connectivity, health }) => {
    const collectors = Object.values(health.collectors)
    const ok = collectors.filter((collector) => collector.ok).length
    return [environment, type, name ?? '', connectivity, health.status, `${ok} of ${collectors.length}`]
  })
  const gaps = agents.flatMap(({ environment, health }) =>
    health.gaps.map(({ scope, reason }) => [environment, scope, shorten(reason)]),
  )
  const agentTable = table(['environment', 'type', 'name', 'connectivity', 'health', 'collectors ok'], rows)
  return gaps.length === 0 ? agentTable : `${agentTable}\n\nGaps\n${table(['environment', 'scope', 'reason'], gaps)}`
}

/** Counts the entities of each type, and names some of them. */
export function showEntities(entities: readonly EntityAnswer[]): string {
  const byType = Map.groupBy(entities, (entity) => entity.type)
  const rows = [...byType].map(([type, members]) => [
    type,
    String(members.length),
    shorten(members.map((member) => member.name).join(', ')),
  ])
  return table(['type', 'count', 'names'], rows)
}

/** Shows one series of each metric: the one with the shortest attributes, which covers most. */
export function showMetrics(series: readonly SeriesAnswer[], entities: readonly EntityAnswer[]): string {
  const names = new Map(entities.map(({ type, id, name }) => [`${type} ${id}`, name]))
  const byName = Map.groupBy(
    series.filter(({ name, last }) => last !== undefined && !name.startsWith('rca.')),
    ({ name }) => name,
  )
  const rows = [...byName.values()]
    .flatMap((members) => members.toSorted((left, right) => attributeLength(left) - attributeLength(right)).slice(0, 1))
    .toSorted((left, right) => rank(left) - rank(right))
    .slice(0, MAX_ROWS)
    .map(({ name, unit, attributes, entity, last }) => {
      const owner = names.get(`${entity.type} ${entity.id}`) ?? entity.id
      const labels = Object.entries(attributes).map(
        ([key, value]) => `${key.slice(key.lastIndexOf('.') + 1)}=${String(value)}`,
      )
      return [
        name,
        shorten(owner),
        shorten(labels.join(' ')),
        formatValue(last?.value ?? Number.NaN, unit),
        timeOfDay(last?.at),
      ]
    })
  const more = byName.size - rows.length
  return `${table(['metric', 'entity', 'attributes', 'value', 'at (UTC)'], rows)}\n${series.length} series of ${byName.size} metrics${more > 0 ? `, ${more} more metrics are not shown` : ''}`
}

/** Lists events, the newest first. */
export function showEvents(events: readonly EventAnswer[]): string {
  if (events.length === 0) return 'No events since the agent started.'
  return table(
    ['at (UTC)', 'severity', 'event', 'description'],
    events.map(({ at, severity, name, body }) => [timeOfDay(at), severity, name, shorten(body)]),
  )
}

/** Series with few and short attributes cover most: `/` before `/mnt/data`. */
function attributeLength({ attributes }: SeriesAnswer): number {
  return JSON.stringify(attributes).length
}

/** Orders metrics by unit: ratios, then bytes, then the others. */
function rank({ unit }: SeriesAnswer): number {
  return unit === '1' ? 0 : unit === 'By' ? 1 : 2
}

function shorten(text: string): string {
  return text.length <= MAX_CELL_LENGTH ? text : `${text.slice(0, MAX_CELL_LENGTH - 1)}…`
}

/** Returns the time of an ISO 8601 date in UTC, such as `09:30:00`. */
function timeOfDay(at = ''): string {
  return at.slice(11, 19)
}
