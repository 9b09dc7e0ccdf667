import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, hostname, loadavg, tmpdir, totalmem, uptime } from 'node:os'
import { join } from 'node:path'
import { collectContext, runCollector, testKeyedHash } from '@rca/connector-testkit'
import { privilegedTest, realTest } from '@rca/rig/real'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { configSchema } from '../../config.ts'
import { server } from '../../connector.ts'
import { openServerClient } from '../open-client.ts'
import type { ServerClient } from '../server-client.ts'

const isLinux = process.platform === 'linux'
const isRoot = process.getuid?.() === 0
const neverAborts = new AbortController().signal
const MEBIBYTE = 1024 * 1024

function run(program: string, ...arguments_: string[]): string {
  return execFileSync(program, arguments_, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function canRun(program: string): boolean {
  try {
    run('sh', '-c', `command -v ${program}`)
    return true
  } catch {
    return false
  }
}

describe('Linux client on this machine', () => {
  let client: ServerClient
  beforeAll(async () => {
    if (isLinux) client = await openServerClient(configSchema.parse({}), neverAborts, testKeyedHash)
  })
  afterAll(() => client?.close())

  realTest('counts the processors of nproc', isLinux && canRun('nproc'), async () => {
    const { cores, total } = await client.cpu()
    expect(cores.size).toBe(Number(run('nproc', '--all')))
    expect(cores.size).toBe(cpus().length)
    expect(total.idle).toBeGreaterThan(0)
  })

  realTest('reports the load that a busy process causes', isLinux, async () => {
    const context = collectContext()
    await runCollector(server.collectors.cpu!, client, context)
    const until = performance.now() + 400
    while (performance.now() < until);
    const { metrics } = await runCollector(server.collectors.cpu!, client, context)
    const total = metrics!.find(
      (metric) => metric?.name === 'system.cpu.utilization' && Object.keys(metric.attributes).length === 0,
    )
    expect(total!.value).toBeGreaterThan(0.5 / cpus().length)
    expect(total!.value).toBeLessThanOrEqual(1)
  })

  realTest('reads the memory that free shows', isLinux && canRun('free'), async () => {
    const free = (): number[] => run('free', '-b').split('\n')[1]!.split(/ +/).map(Number)
    const before = free()
    const memory = await client.memory()
    const after = free()
    expect(memory.total).toBe(before[1])
    expect(memory.total).toBe(totalmem())
    expectBetween(memory.available, [before[6]!, after[6]!], 512 * MEBIBYTE)
  })

  realTest('reads the filesystems that df shows', isLinux && canRun('df'), async () => {
    const df = (): Map<string, number[]> =>
      new Map(
        run('df', '-B1', '--output=target,size,used,avail,itotal')
          .trim()
          .split('\n')
          .slice(1)
          .map((line) => line.trim().split(/ +/))
          .map(([target = '', ...numbers]) => [target, numbers.map(Number)]),
      )
    const before = df()
    const readings = await client.filesystems(neverAborts)
    const after = df()
    expect(readings.map(({ mount }) => mount.mountPoint)).toContain('/')
    for (const { mount, usage, problem } of readings) {
      const [size, used, available, inodes] = before.get(mount.mountPoint) ?? []
      const [, usedAfter, availableAfter] = after.get(mount.mountPoint) ?? []
      if (size === undefined || usedAfter === undefined) continue
      expect({ problem, total: usage?.total, inodes: usage?.inodes }).toEqual({
        problem: undefined,
        total: size,
        inodes,
      })
      expectBetween(usage!.used, [used!, usedAfter], 256 * MEBIBYTE)
      expectBetween(usage!.available, [available!, availableAfter!], 256 * MEBIBYTE)
    }
  })

  realTest('reads the interfaces and counters that ip shows', isLinux && canRun('ip'), async () => {
    const before = interfacesOf(run('ip', '-j', '-s', 'link'))
    const readings = await client.networkInterfaces()
    const after = interfacesOf(run('ip', '-j', '-s', 'link'))
    expect(readings.length).toBeGreaterThan(0)
    for (const { name, bytesReceived, packetsSent } of readings) {
      expect(bytesReceived).toBeGreaterThanOrEqual(before.get(name)!.rx.bytes)
      expect(bytesReceived).toBeLessThanOrEqual(after.get(name)!.rx.bytes)
      expect(packetsSent).toBeGreaterThanOrEqual(before.get(name)!.tx.packets)
      expect(packetsSent).toBeLessThanOrEqual(after.get(name)!.tx.packets)
    }
  })

  realTest('reads the processes that ps shows', isLinux && canRun('ps'), async () => {
    const child = spawn('sleep', ['60'])
    try {
      await new Promise((resolve) => child.on('spawn', resolve))
      const [shown = ''] = run('ps', '-o', 'rss=', '-p', String(child.pid)).trim().split('\n')
      const count = (): number => run('ps', '-eo', 'pid=').trim().split('\n').length
      const before = count()
      const { processes } = await client.processes()
      const after = count()
      const found = processes.find(({ pid }) => pid === child.pid)
      expect(found).toMatchObject({ name: 'sleep', startedAt: expect.any(Number) })
      expect(Math.abs(found!.residentBytes - Number(shown) * 1024)).toBeLessThan(4 * MEBIBYTE)
      expectBetween(processes.length, [before, after], 50)
      expect(processes.find(({ pid }) => pid === process.pid)!.cpuTime).toBeGreaterThan(0)
    } finally {
      child.kill()
    }
  })

  realTest('reads the disks, load, uptime and boot id of the kernel', isLinux, async () => {
    const disks = await client.disks()
    for (const { name, bytes } of disks)
      expect(Number(readFileSync(`/sys/block/${name}/size`, 'utf8')) * 512).toBe(bytes)
    expect(Math.abs((await client.uptime()) - uptime())).toBeLessThan(5)
    expect(Math.abs((await client.loadAverage())![2] - loadavg()[2]!)).toBeLessThan(2)
    expect((await client.boot()).id).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
    expect(await client.paging()).toMatchObject({ majorFaults: expect.any(Number), minorFaults: expect.any(Number) })
  })

  realTest('reads the facts of the host', isLinux, async () => {
    expect(await client.facts()).toMatchObject({
      hostname: hostname(),
      systemType: 'linux',
      kernelRelease: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      cpuModel: expect.any(String),
    })
    expect(client.machine.entity.id).toMatch(/^[0-9a-f]{32}$/)
  })

  realTest('runs systemctl where systemd runs', isLinux, async () => {
    const units = await client.failedUnits(neverAborts)
    expect(units === undefined).toBe(!existsSync('/run/systemd/system'))
  })

  privilegedTest('sees that a filesystem is remounted read-only', isLinux && isRoot && canMount(), async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rca mount '))
    run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'rca-test', folder)
    try {
      const mount = async () => (await client.mounts()).find(({ device }) => device === 'rca-test')
      expect(await mount()).toMatchObject({ mountPoint: folder, type: 'tmpfs', readOnly: false })
      run('mount', '-o', 'remount,ro', folder)
      expect(await mount()).toMatchObject({ readOnly: true })
    } finally {
      run('umount', folder)
      rmdirSync(folder)
    }
  })

  privilegedTest(
    'reads only mounts that a path leads to, whatever their names',
    isLinux && isRoot && canMount(),
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rca-mounts-'))
      const script = `
      set -e
      cd "$1" && mkdir -p hidden/below bound files "$(printf 'caf\\351')"
      mount -t tmpfs -o size=64k rca-below hidden/below
      mount -t tmpfs -o size=64k rca-above hidden
      mount -t tmpfs -o size=64k rca-name "$(printf 'caf\\351')"
      mount -t tmpfs -o size=64k rca-bound bound
      mount --bind bound bound
      mount -o remount,bind,ro bound
      mount -t tmpfs -o size=64k rca-file files
      touch files/source target
      mount --bind files/source target
      umount files`
      try {
        run('sh', '-c', script, 'sh', folder)
        const readings = await client.filesystems(neverAborts)
        const found = readings
          .filter(({ mount }) => mount.mountPoint.startsWith(folder))
          .map(({ mount: { mountPoint, device, readOnly, filesystemReadOnly }, usage }) => [
            device,
            { path: mountPoint.slice(folder.length), total: usage?.total, readOnly, filesystemReadOnly },
          ])
        const writable = { total: 65536, readOnly: false, filesystemReadOnly: false }
        expect(Object.fromEntries(found)).toEqual({
          'rca-above': { ...writable, path: '/hidden' },
          'rca-bound': { ...writable, path: '/bound', readOnly: true },
          'rca-name': { ...writable, path: String.raw`/caf\xe9` },
        })
      } finally {
        const unmount = `cd "$1" && umount hidden hidden/below bound bound "$(printf 'caf\\351')" target files || true`
        run('sh', '-c', unmount, 'sh', folder)
        rmSync(folder, { recursive: true })
      }
    },
  )

  privilegedTest('sees that ext4 becomes read-only after an error', isLinux && isRoot && canMountImages(), async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-ext4-'))
    const image = join(folder, 'image')
    const target = join(folder, 'mounted')
    mkdirSync(target)
    writeFileSync(image, Buffer.alloc(8 * MEBIBYTE))
    run('mkfs.ext4', '-q', '-F', image)
    run('mount', '-o', 'loop,errors=remount-ro', image, target)
    try {
      const mount = async () => (await client.mounts()).find(({ mountPoint }) => mountPoint === target)
      const before = await mount()
      expect(before).toMatchObject({ type: 'ext4', readOnly: false, disk: before!.device.replace('/dev/', '') })
      writeFileSync(`/sys/fs/ext4/${before!.disk}/trigger_fs_error`, 'test')
      expect(await mount()).toMatchObject({ readOnly: true })
    } finally {
      run('umount', target)
      rmSync(folder, { recursive: true })
    }
  })

  const memoryGroups = '/sys/fs/cgroup/memory'
  privilegedTest(
    'counts and names a process that the OOM killer killed',
    isLinux && isRoot && existsSync(`${memoryGroups}/memory.limit_in_bytes`),
    async () => {
      const group = `${memoryGroups}/rca-test-${process.pid}`
      const before = await client.outOfMemoryKills()
      mkdirSync(group)
      try {
        writeFileSync(`${group}/memory.limit_in_bytes`, String(20 * MEBIBYTE))
        const greedy = `require('fs').writeFileSync('${group}/cgroup.procs', String(process.pid)); for (const kept = []; ; ) kept.push(Buffer.alloc(1 << 20, 1))`
        const child = spawn(process.execPath, ['-e', greedy], { stdio: 'ignore' })
        const ending = await new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)))
        expect(ending).toBe('SIGKILL')
        // Other tests of this machine may cause kills at the same time.
        expect(await client.outOfMemoryKills()).toBeGreaterThan(before!)
        const victims = await client.outOfMemoryVictims()
        expect(victims.filter(({ pid }) => pid === child.pid)).toMatchObject([
          { inControlGroup: true, residentBytes: expect.any(Number) },
        ])
      } finally {
        rmdirSync(group)
      }
    },
  )
})

/** Expects a reading between two others, which were taken before and after it. */
function expectBetween(value: number, others: readonly [number, number], tolerance: number): void {
  expect(value).toBeGreaterThan(Math.min(...others) - tolerance)
  expect(value).toBeLessThan(Math.max(...others) + tolerance)
}

interface Counters {
  readonly bytes: number
  readonly packets: number
}

function interfacesOf(json: string): Map<string, { rx: Counters; tx: Counters }> {
  const links = JSON.parse(json) as { ifname: string; stats64: { rx: Counters; tx: Counters } }[]
  return new Map(links.map(({ ifname, stats64 }) => [ifname, stats64]))
}

function canMount(): boolean {
  try {
    run('unshare', '--mount', 'true')
    return true
  } catch {
    return false
  }
}

function canMountImages(): boolean {
  return canMount() && canRun('mkfs.ext4') && existsSync('/dev/loop-control')
}
