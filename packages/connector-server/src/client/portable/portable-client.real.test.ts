import { cpus, loadavg, totalmem } from 'node:os'
import { collectContext, runCollector } from '@rca/connector-testkit'
import { excludeNames } from '@rca/core/connector'
import { beforeAll, describe, expect, test } from 'vitest'
import { server } from '../../connector.ts'
import { loadSystemInformation } from '../client.ts'
import type { ServerClient } from '../server-client.ts'
import { openPortableClient } from './portable-client.ts'

// The client for macOS and Windows works on every system that the library supports, so it runs on this one.
describe('portable client on this machine', () => {
  let client: ServerClient
  beforeAll(async () => {
    client = await openPortableClient({
      library: await loadSystemInformation(),
      topProcesses: 3,
      wantsInterface: excludeNames(['lo']),
      wantsMount: excludeNames([]),
    })
  })

  test.each(Object.keys(server.collectors))('the collector %s reports only finite values', async (name) => {
    const signals = await runCollector(server.collectors[name]!, client, collectContext())
    for (const metric of signals.metrics ?? [])
      if (metric !== undefined) expect(metric.value, metric.name).toSatisfy(Number.isFinite)
    expect(signals.gaps ?? []).toEqual([])
  })

  test('reads the processors, memory and load of node:os', async () => {
    expect((await client.cpu()).cores.size).toBe(cpus().length)
    expect(Math.abs((await client.memory()).total - totalmem())).toBeLessThan(totalmem() / 100)
    if (process.platform !== 'win32') expect((await client.loadAverage())?.[2]).toBeCloseTo(loadavg()[2]!, 0)
  })

  test('reads filesystems and processes', async () => {
    const readings = await client.filesystems(new AbortController().signal)
    expect(readings.length).toBeGreaterThan(0)
    expect((await client.mounts()).map(({ mountPoint }) => mountPoint)).toEqual(
      readings.map(({ mount }) => mount.mountPoint),
    )
    expect((await client.processes()).processes.map(({ pid }) => pid)).toContain(process.pid)
  })

  test('leaves out what a system does not have', async () => {
    expect(await client.pressure()).toEqual([])
    expect(await client.failedUnits(new AbortController().signal)).toBeUndefined()
    expect(await client.outOfMemoryKills()).toBeUndefined()
    expect(await client.outOfMemoryVictims()).toEqual([])
    expect((await client.boot()).id).toBeUndefined()
    const windows = await openPortableClient({
      library: await loadSystemInformation(),
      topProcesses: 0,
      wantsInterface: excludeNames([]),
      wantsMount: excludeNames([]),
      platform: 'win32',
    })
    expect(await windows.loadAverage()).toBeUndefined()
    expect(windows.machine).toEqual(client.machine)
    client.close()
  })

  test('identifies a machine without installation id by its hardware', async () => {
    const library = {
      ...(await loadSystemInformation()),
      uuid: async () => ({ os: '', hardware: 'hardware id', macs: [] }),
    }
    const opened = await openPortableClient({
      library,
      topProcesses: 0,
      wantsInterface: excludeNames([]),
      wantsMount: excludeNames([]),
    })
    expect(opened.machine.id).toBe('hardware id')
  })
})
