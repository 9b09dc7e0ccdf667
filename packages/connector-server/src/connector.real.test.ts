import { createAgent } from '@rca/core'
import { bySeriesSet } from '@rca/core/protocol'
import { describe, expect, test } from 'vitest'
import { server } from './index.ts'

const options = { connector: server, platformUrl: 'http://127.0.0.1:1', agentToken: 'server-token' }

describe('server connector on this machine', () => {
  test('collects every signal in the first report, without gaps', async () => {
    const agent = createAgent(options)
    try {
      const report = await agent.collectMetrics()
      const { entities, metrics, gaps } = report.data
      expect(report.agent_type).toBe('server')
      expect(gaps).toEqual([])
      expect(new Set(entities.map(({ type }) => type))).toContain('host')
      const host = entities.find(({ type }) => type === 'host')!
      const utilization = metrics.find(
        ({ name, attributes }) => name === 'system.cpu.utilization' && Object.keys(attributes).length === 0,
      )!
      expect(utilization.entity).toEqual({ type: 'host', id: host.id })
      expect(utilization.value).toBeGreaterThanOrEqual(0)
      expect(utilization.value).toBeLessThanOrEqual(1)
      expect(metrics.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          'system.memory.usage',
          'system.filesystem.usage',
          'system.network.io',
          'system.process.count',
          'system.uptime',
        ]),
      )
      // The processes change, and the series of the host should stay a known set.
      const sets = [...bySeriesSet(metrics)].map((set) => ('series_set' in set ? [] : set.map(({ name }) => name)))
      const ofProcesses = sets.filter((names) => names.includes('system.process.count'))
      expect(ofProcesses.flat().filter((name) => !/^(?:system\.)?process\./.test(name))).toEqual([])
      const statuses = Object.values(agent.status().collectors)
      expect(statuses.length).toBeGreaterThan(0)
      expect(statuses.filter(({ ok }) => !ok)).toEqual([])
    } finally {
      await agent.stop()
    }
  })

  test('has the same agent id every time', async () => {
    const reports = []
    for (let run = 0; run < 2; run += 1) {
      const agent = createAgent(options)
      reports.push(await agent.collectMetrics())
      await agent.stop()
    }
    expect(reports[0]!.agent_id).toBe(reports[1]!.agent_id)
  })

  test('rejects a `root_path` without /proc', async () => {
    const agent = createAgent({ ...options, config: { root_path: '/nonexistent' } })
    if (process.platform === 'linux') await expect(agent.collectMetrics()).rejects.toThrow('`root_path`')
    await agent.stop()
  })
})
