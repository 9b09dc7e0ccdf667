import { cpus, loadavg, totalmem } from 'node:os'
import { excluding } from '@rca/core/connector'
import { beforeAll, describe, expect, test } from 'vitest'
import { collectContext } from '../../../test/contexts.ts'
import { server } from '../../connector.ts'
import { loadSystemInformation } from '../client.ts'
import type { ServerClient } from '../server-client.ts'
import { openPortableClient } from './portable-client.ts'

// The client for macOS and Windows works on every system that the library knows, so it is tried on this one.
describe('through the client library', () => {
  let client: ServerClient
  beforeAll(async () => {
    client = await openPortableClient({
      library: await loadSystemInformation(),
      topProcesses: 3,
      wantsInterface: excluding(['lo']),
      wantsMount: excluding([]),
    })
  })

  test.each(Object.keys(server.collectors))('the collector %s says nothing but what it may', async (name) => {
    const signals = await server.collectors[name]!.collect(client, collectContext())
    for (const metric of signals.metrics ?? [])
      if (metric !== undefined) expect(metric.value, metric.name).toSatisfy(Number.isFinite)
    expect(signals.gaps ?? []).toEqual([])
  })

  test('processors, memory and load are those of Node', async () => {
    expect((await client.cpu()).cores.size).toBe(cpus().length)
    expect(Math.abs((await client.memory()).total - totalmem())).toBeLessThan(totalmem() / 100)
    if (process.platform !== 'win32') expect((await client.loadAverage())?.[2]).toBeCloseTo(loadavg()[2]!, 0)
  })

  test('the root is there, and this process', async () => {
    const readings = await client.filesystems(new AbortController().signal)
    expect(readings.length).toBeGreaterThan(0)
    expect((await client.mounts()).map(({ mountPoint }) => mountPoint)).toEqual(
      readings.map(({ mount }) => mount.mountPoint),
    )
    expect((await client.processes()).processes.map(({ pid }) => pid)).toContain(process.pid)
  })

  test('what a system does not have is absent', async () => {
    expect(await client.pressure()).toEqual([])
    expect(await client.failedUnits(new AbortController().signal)).toBeUndefined()
    expect(await client.outOfMemoryKills()).toBeUndefined()
    expect(await client.outOfMemoryVictims()).toEqual([])
    expect((await client.boot()).id).toBeUndefined()
    const windows = await openPortableClient({
      library: await loadSystemInformation(),
      topProcesses: 0,
      wantsInterface: excluding([]),
      wantsMount: excluding([]),
      platform: 'win32',
    })
    expect(await windows.loadAverage()).toBeUndefined()
    expect(windows.machine).toEqual(client.machine)
    client.close()
  })

  test('a machine without any identity is refused', async () => {
    const library = {
      ...(await loadSystemInformation()),
      uuid: async () => ({ os: '', hardware: 'of the hardware', macs: [] }),
    }
    const opened = await openPortableClient({
      library,
      topProcesses: 0,
      wantsInterface: excluding([]),
      wantsMount: excluding([]),
    })
    expect(opened.machine.id).toBe('of the hardware')
  })
})
