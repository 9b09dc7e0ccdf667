import { toTerminalLine } from '@rca/core'
import type { Report } from '@rca/core/protocol'
import { isOfAgent } from '../observe.ts'

/** Counts of one type of entity or one metric in a report. */
interface Counts {
  readonly kind: 'entity' | 'metric'
  readonly name: string
  /** Entities that exist, or series in the report. */
  total: number
  added: number
  changed: number
  deleted: number
  /** The first change. */
  example: string | undefined
}

/** Core begins the reason of a gap with it when it leaves out a signal that is invalid or not declared. */
const LEFT_OUT = 'left out: '

/**
 * Returns a function that lists what changed since the report before, a line each: entities and series by their names
 * in columns, each event, and each gap that opened or closed.
 */
export function createReportChanges(): (report: Report) => string[] {
  const entities = new Map<string, { readonly type: string; readonly json: string }>()
  const values = new Map<string, number>()
  let gaps = new Map<string, string>()

  const entityRows = ({ data }: Report): Counts[] => {
    const rows = createRows('entity')
    for (const { deleted, ...entity } of data.entities) {
      if (isOfAgent(entity)) continue
      const key = JSON.stringify([entity.type, entity.id])
      const json = JSON.stringify(entity)
      const before = entities.get(key)
      if (deleted === true) {
        if (entities.delete(key)) rows.count(entity.type, 'deleted', entity.id)
        continue
      }
      entities.set(key, { type: entity.type, json })
      if (before === undefined) rows.count(entity.type, 'added', entity.id)
      else if (before.json !== json) rows.count(entity.type, 'changed', entity.id)
    }
    for (const { type } of entities.values()) rows.add(type)
    return rows.changed()
  }
  const metricRows = ({ data }: Report): Counts[] => {
    const rows = createRows('metric')
    for (const { name, value, unit, entity, attributes } of data.metrics) {
      if (isOfAgent(entity)) continue
      const key = JSON.stringify([name, entity, attributes])
      const before = values.get(key)
      values.set(key, value)
      rows.add(name)
      const shown = unit === '1' ? short(value) : `${short(value)} ${unit}`
      if (before === undefined) rows.count(name, 'added', `${entity.id}: ${shown}`)
      else if (before !== value) rows.count(name, 'changed', `${entity.id}: ${short(before)} → ${shown}`)
    }
    return rows.changed()
  }
  const gapLines = ({ data }: Report): string[] => {
    const now = new Map(data.gaps.map(({ scope, reason }) => [JSON.stringify([scope, reason]), line(scope, reason)]))
    const lines = [
      ...[...now].filter(([key]) => !gaps.has(key)).map(([, text]) => text),
      ...[...gaps].filter(([key]) => !now.has(key)).map(([, text]) => `  ended    ${text.trim()}`),
    ]
    gaps = now
    return lines
  }
  return (report) => {
    const rows = [...entityRows(report), ...metricRows(report)]
    const events = report.data.events.map(({ severity, name, body }) => `  event    ${name} (${severity}): ${body}`)
    return [...toTable(rows), ...events, ...gapLines(report)].map(toTerminalLine)
  }
}

function createRows(kind: Counts['kind']) {
  const rows = new Map<string, Counts>()
  const rowOf = (name: string): Counts => {
    const row = rows.get(name) ?? { kind, name, total: 0, added: 0, changed: 0, deleted: 0, example: undefined }
    rows.set(name, row)
    return row
  }
  return {
    add: (name: string): void => {
      rowOf(name).total += 1
    },
    count: (name: string, change: 'added' | 'changed' | 'deleted', example: string): void => {
      const row = rowOf(name)
      row[change] += 1
      row.example ??= example
    },
    changed: () =>
      [...rows.values()]
        .filter(({ example }) => example !== undefined)
        .sort((left, right) => left.name.localeCompare(right.name)),
  }
}

function toTable(rows: readonly Counts[]): string[] {
  if (rows.length === 0) return []
  const cells = [
    ['', '', 'total', 'new', 'changed', 'deleted', ''],
    ...rows.map(({ kind, name, total, added, changed, deleted, example = '' }) =>
      [kind, name, total, added, changed, deleted, example].map((cell) => (cell === 0 ? '' : String(cell))),
    ),
  ]
  const widthOf = (column: number): number => Math.max(...cells.map((row) => row[column]?.length ?? 0))
  const widths = [8, widthOf(1), 5, 4, 7, 7]
  return cells.map((row) =>
    `  ${row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' ')}`.trimEnd(),
  )
}

function line(scope: string, reason: string): string {
  return reason.startsWith(LEFT_OUT) ? `  WARNING  ${scope}: ${reason}` : `  gap      ${scope}: ${reason}`
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)))
}
