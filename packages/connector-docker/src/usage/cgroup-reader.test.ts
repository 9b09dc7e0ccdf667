import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test } from 'vitest'
import { numbersIn } from '../../test/damaged-answers.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { openCgroupReader, parseNetworkDevices } from './cgroup-reader.ts'
import { parseStats } from './engine-stats.ts'

const runningNames = ['shop-web-1', 'plain', 'on-host', 'paused', 'sick', 'tty']

/** Values that only the kernel always has: in version 2, limit hits and disk operations. */
const MORE = /^(memory\.fails|disks\.\d+\.(reads|writes))$/

/** Returns the usage allowed between the engine's answer and the kernel's files, although containers were paused. */
function slack(path: string): number {
  if (path.startsWith('cpu.')) return 0.05
  if (path.startsWith('memory.')) return 262_144
  return path.includes('bytes') ? 2048 : 20
}

describe.each(engineNames.filter((name) => name.startsWith('engine-')))('openCgroupReader: %s', (name) => {
  const of = captured(name)

  test.each(runningNames)("reads the values of the engine's stats for %s", (containerName) => {
    const container = of.container(containerName)
    const fromKernel = openCgroupReader(of.root)?.read(container)
    const fromEngine = parseStats(of.stats(containerName) ?? {}, container.limits.memory)
    const [kernel, engine] = [numbersIn(fromKernel), numbersIn(fromEngine)]
    expect(engine.size).toBeGreaterThan(8)
    expect([...kernel.keys()].filter((path) => !MORE.test(path)).toSorted()).toEqual(
      [...engine.keys()].filter((path) => !MORE.test(path)).toSorted(),
    )
    for (const [path, value] of engine)
      expect(Math.abs((kernel.get(path) ?? Number.NaN) - value), path).toBeLessThanOrEqual(slack(path))
    const names = (usage: typeof fromKernel) => [
      usage?.networks?.map((one) => one.name),
      (usage?.disks ?? []).map((one) => one.device),
    ]
    expect(names(fromKernel)).toEqual(names(fromEngine))
  })
})

describe.each(engineNames.filter((name) => name.startsWith('podman-')))('openCgroupReader: %s', (name) => {
  const of = captured(name)

  // Podman reports zeroes for throttling, and mixes up directions, devices and modes.
  test.each(runningNames)("reads the reliable values of Podman's stats for %s", (containerName) => {
    const container = of.container(containerName)
    const fromKernel = numbersIn(openCgroupReader(of.root)?.read(container))
    const fromEngine = numbersIn(parseStats(of.stats(containerName) ?? {}, container.limits.memory))
    for (const path of ['cpu.total', 'memory.limit', 'pids'].filter((one) => fromKernel.has(one)))
      expect(Math.abs((fromEngine.get(path) ?? 0) - (fromKernel.get(path) ?? 0)), path).toBeLessThanOrEqual(slack(path))
  })
})

describe.each([exactEngine, 'engine-26-cgroup-v2'])('openCgroupReader: files of %s', (name) => {
  const of = captured(name)

  test.each(['shop-web-1', 'plain'])('leaves out one value of %s for each missing or damaged file', (name) => {
    const container = of.container(name)
    const root = temporaryDirectory(of.root)
    const whole = numbersIn(openCgroupReader(root.path)?.read(container))
    const its = root
      .files()
      .filter((file) => file.includes(container.id) || file.startsWith(`proc/${container.state.pid}/`))
    expect(its.length).toBeGreaterThan(8)
    for (const file of its) {
      const text = root.read(file)
      for (const garbage of [undefined, '', '\n', 'garbage\n', '-1\n', 'nan nan\n', '\0\u0001\uFFFD']) {
        if (garbage === undefined) root.remove(file)
        else root.write(file, garbage)
        const left = numbersIn(openCgroupReader(root.path)?.read(container))
        expect(left.size, `${file} as ${garbage}`).toBeGreaterThan(0)
        for (const [path, value] of left) {
          // Without statistics, memory includes inactive files.
          if (file.endsWith('memory.stat') && /usage|workingSet/.test(path)) continue
          expect(value, `${path} where ${file} is ${garbage}`).toBe(whole.get(path))
        }
      }
      root.write(file, text)
    }
  })
})

describe('openCgroupReader', () => {
  test('reads no network of a container that shares one', () => {
    const of = captured(exactEngine)
    const reader = openCgroupReader(of.root)
    expect(reader?.read(of.container('on-host'))?.networks).toBeUndefined()
    const web = of.container('shop-web-1')
    expect(reader?.read({ ...web, networkMode: 'container:abc' })?.networks).toBeUndefined()
    expect(reader?.read(web)?.networks).toHaveLength(1)
    expect(reader?.read({ ...web, state: { ...web.state, pid: undefined } })?.networks).toBeUndefined()
  })

  test('returns undefined for a stopped container, and finds it after a restart', () => {
    const of = captured(exactEngine)
    const root = temporaryDirectory(of.root)
    const reader = openCgroupReader(root.path)
    const container = of.container('plain')
    const before = reader?.read(container)
    expect(before?.cpu.total).toBeGreaterThan(0)
    for (const controller of ['cpu', 'cpuacct', 'memory', 'pids', 'blkio'])
      root.remove(`sys/fs/cgroup/${controller}/docker/${container.id}`)
    expect(reader?.read(container)).toBeUndefined()
    expect(reader?.read(container)).toBeUndefined()
    // In another folder, as after a change of the engine's cgroup driver.
    const scope = `system.slice/docker-${container.id}.scope`
    root.write(`sys/fs/cgroup/memory/${scope}/memory.usage_in_bytes`, '4096\n')
    expect(reader?.read(container)?.memory.usage).toBe(4096)
    expect(reader?.read(container)?.cpu.total).toBeUndefined()
  })

  test('returns undefined for a container of another host', () => {
    const of = captured(exactEngine)
    const stranger = { ...of.container('plain'), id: 'f'.repeat(64) }
    expect(openCgroupReader(of.root)?.read(stranger)).toBeUndefined()
  })
})

test('openCgroupReader returns undefined without control groups', () => {
  expect(openCgroupReader(temporaryDirectory().path)).toBeUndefined()
})

describe('parseNetworkDevices', () => {
  const header = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`

  test('returns every interface but the loopback', () => {
    const text = `${header}    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9
  eth0:  100 2 3 4 0 0 0 0 500 6 7 8 0 0 0 0
  eth1:9999999999999 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
`
    expect(parseNetworkDevices(text)).toEqual([
      {
        name: 'eth0',
        bytesReceived: 100,
        packetsReceived: 2,
        errorsReceived: 3,
        droppedReceived: 4,
        bytesTransmitted: 500,
        packetsTransmitted: 6,
        errorsTransmitted: 7,
        droppedTransmitted: 8,
      },
      expect.objectContaining({ name: 'eth1', bytesReceived: 9_999_999_999_999, bytesTransmitted: 1 }),
    ])
  })

  test('parses a captured file', () => {
    const of = captured(exactEngine)
    const { pid } = of.container('shop-web-1').state
    expect(parseNetworkDevices(of.text(`root/proc/${pid}/net/dev`))).toMatchObject([
      { name: 'eth0', packetsReceived: 294, bytesTransmitted: 12_605_733, errorsReceived: 0 },
    ])
  })

  test('returns an empty list without interfaces, and leaves out invalid numbers', () => {
    expect(parseNetworkDevices(`${header}    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n`)).toEqual([])
    expect(parseNetworkDevices('')).toEqual([])
    const [device] = parseNetworkDevices('eth0:\neth1: 1 odd -3\n')
    expect(device).toEqual({
      name: 'eth1',
      bytesReceived: 1,
      packetsReceived: undefined,
      errorsReceived: undefined,
      droppedReceived: undefined,
      bytesTransmitted: undefined,
      packetsTransmitted: undefined,
      errorsTransmitted: undefined,
      droppedTransmitted: undefined,
    })
  })
})
