import { describe, expect, test } from 'vitest'
import type { AgentAnswer, SeriesAnswer } from './platform.ts'
import { showAgents, showEntities, showEvents, showMetrics } from './show.ts'

const agent: AgentAnswer = {
  agent_id: 'a1',
  environment: 'shop',
  agent_type: 'docker',
  name: 'web-1',
  connectivity: 'online',
  health: { status: 'degraded', collectors: { usage: { ok: true }, images: { ok: false } }, gaps: [] },
}

function series(name: string, attributes: Record<string, string>, value: number, unit = 'By'): SeriesAnswer {
  const at = '2026-08-01T09:30:00.000Z'
  return { name, unit, kind: 'gauge', entity: { type: 'host', id: 'h1' }, attributes, last: { at, value } }
}

describe('showAgents', () => {
  test('counts the collectors that work', () => {
    expect(showAgents([agent])).toMatch(/shop +│ docker +│ web-1 +│ online +│ degraded +│ 1 of 2/)
    expect(showAgents([agent])).not.toContain('Gaps')
  })

  test('lists gaps with their reasons', () => {
    const gaps = [{ scope: 'container:db', reason: 'permission denied' }]
    expect(showAgents([{ ...agent, health: { ...agent.health, gaps } }])).toMatch(
      /Gaps\n[\s\S]*shop +│ container:db +│ permission denied/,
    )
  })
})

test('showEntities counts entities by type and cuts long lists of names', () => {
  const containers = Array.from({ length: 30 }, (_, index) => ({
    type: 'container',
    id: String(index),
    name: `web-${index}`,
    attributes: {},
  }))
  expect(showEntities(containers)).toMatch(/container +│ 30 +│ web-0, web-1, [\s\S]*…/)
})

describe('showMetrics', () => {
  test('shows the series with the shortest attributes of each metric, and the name of its entity', () => {
    const all = [
      series('system.filesystem.limit', { 'system.filesystem.mountpoint': '/mnt/data' }, 2048),
      series('system.filesystem.limit', { 'system.filesystem.mountpoint': '/' }, 1024),
    ]
    const text = showMetrics(all, [{ type: 'host', id: 'h1', name: 'web-1', attributes: {} }])
    expect(text).toMatch(/system\.filesystem\.limit +│ web-1 +│ mountpoint=\/ +│ 1 KiB +│ 09:30:00/)
    expect(text).toMatch(/\n2 series of 1 metrics$/)
  })

  test('shows ratios first, leaves out what the agent measures of itself, and says how many metrics are not shown', () => {
    const many = Array.from({ length: 20 }, (_, index) => series(`disk.io.${index}`, {}, index))
    const text = showMetrics([...many, series('rca.queue', {}, 1), series('cpu.utilization', {}, 0.5, '1')], [])
    expect(text.indexOf('cpu.utilization')).toBeLessThan(text.indexOf('disk.io.0'))
    expect(text).not.toContain('rca.queue')
    expect(text).toContain('22 series of 21 metrics, 5 more metrics are not shown')
  })
})

describe('showEvents', () => {
  test('shows time, severity, name and body', () => {
    const event = { name: 'container.crashed', at: '2026-08-01T09:30:00Z', severity: 'error', body: 'web-1 crashed' }
    expect(showEvents([event])).toMatch(/09:30:00 │ error +│ container\.crashed │ web-1 crashed/)
  })

  test('says so when there are no events', () => {
    expect(showEvents([])).toBe('No events since the agent started.')
  })
})
