import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { realTest } from '@rca/rig/real'
import { describe, expect } from 'vitest'
import { createProcessReader } from './processes.ts'
import { createRootReader } from './root-reader.ts'

const isLinux = process.platform === 'linux'
const units = { ticksPerSecond: 100, pageBytes: 4096 }

/** Returns the files of `/proc/<pid>/stat` that this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)].filter((target) => /^\/proc\/\d+\/stat$/.test(target))
    } catch {
      return []
    }
  })
}

async function sleepers(count: number): Promise<ChildProcess[]> {
  const children = Array.from({ length: count }, () => spawn('sleep', ['60']))
  await Promise.all(children.map((child) => new Promise((resolve) => child.on('spawn', resolve))))
  return children
}

async function end(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    const ended = new Promise((resolve) => child.on('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
}

describe('createProcessReader', () => {
  realTest('keeps files open while their processes run, and no longer', isLinux, async () => {
    const reader = createProcessReader(createRootReader('/'), units)
    const children = await sleepers(3)
    const files = children.map(({ pid }) => `/proc/${pid}/stat`)
    const known = (): (number | undefined)[] => {
      const pids = new Set(reader.read().processes.map(({ pid }) => pid))
      return children.map(({ pid }) => pid).filter((pid) => pids.has(pid!))
    }
    expect(known()).toHaveLength(3)
    expect(known()).toHaveLength(3)
    expect(openFiles()).toEqual(expect.arrayContaining(files))
    expect(new Set(openFiles()).size).toBe(openFiles().length)
    await end(children.slice(0, 2))
    expect(known()).toEqual([children[2]!.pid])
    expect(openFiles().filter((file) => files.includes(file))).toEqual([files[2]])
    reader.close()
    reader.close()
    expect(openFiles()).toEqual([])
    expect(known()).toEqual([children[2]!.pid])
    reader.close()
    await end(children.slice(2))
  })

  realTest('reads all processes with a limited number of open files', isLinux, async () => {
    const reader = createProcessReader(createRootReader('/'), units, 5)
    const children = await sleepers(10)
    for (let round = 0; round < 3; round += 1) {
      let open = 0
      // A process may end between reading and counting.
      for (let attempt = 0; attempt < 20 && open !== 5; attempt += 1) {
        const pids = reader.read().processes.map(({ pid }) => pid)
        expect(pids).toEqual(expect.arrayContaining(children.map(({ pid }) => pid)))
        open = openFiles().length
        expect(open).toBeLessThanOrEqual(5)
      }
      expect(open).toBe(5)
      // Files of ended processes make room for others.
      await end(children.splice(0, 3))
    }
    reader.close()
    await end(children)
  })
})
