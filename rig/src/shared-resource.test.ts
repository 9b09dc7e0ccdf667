import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { knownProcess } from './processes.ts'
import { type SharedResource, sharedResource } from './shared-resource.ts'

let count = 0

function engine(): { resource: SharedResource<{ address: string }>; lockFile: string; stopped: string[] } {
  count += 1
  const name = `rca-test-engine-${process.pid}-${count}`
  const stopped: string[] = []
  const resource = sharedResource<{ address: string }>({
    name,
    exists: () => true,
    stop: async ({ address }) => void stopped.push(address),
  })
  onTestFinished(() => void resource.release())
  return { resource, stopped, lockFile: join(tmpdir(), `${name}.lock`) }
}

describe.skipIf(process.platform !== 'linux')('sharedResource', () => {
  test('runs one task at a time', async () => {
    const { resource, lockFile } = engine()
    const order: string[] = []
    const task = (name: string) => async (): Promise<void> => {
      order.push(`${name} starts`)
      await new Promise((resolve) => setImmediate(resolve))
      order.push(`${name} ends`)
    }
    await Promise.all([resource.locked(task('first')), resource.locked(task('second'))])
    expect(order).toEqual(['first starts', 'first ends', 'second starts', 'second ends'])
    expect(existsSync(lockFile)).toBe(false)
    expect(readdirSync(tmpdir()).filter((file) => join(tmpdir(), file).startsWith(lockFile))).toEqual([])
  })

  test.each([
    ['an ended process', { pid: 4_000_000, startTime: '1' }],
    ['an earlier process with the same id', { ...knownProcess(process.pid), startTime: '1' }],
    ['an unknown format', 'not JSON'],
  ])('takes over the lock of %s', async (_holder, holder) => {
    const { resource, lockFile } = engine()
    writeFileSync(lockFile, JSON.stringify(holder))
    expect(await resource.locked(async () => 'done')).toBe('done')
  })

  test('stops with its last user', async () => {
    const { resource, stopped } = engine()
    resource.record({ address: 'unix:///run/docker.sock' })
    resource.join(process.pid)
    resource.join(process.ppid)
    expect(await resource.release(process.pid)).toBe('left alone')
    expect(stopped).toEqual([])
    expect(await resource.release(process.ppid)).toBe('stopped')
    expect(stopped).toEqual(['unix:///run/docker.sock'])
    expect(await resource.release(process.ppid)).toBe('left alone')
  })

  test('stays after its users if it was started without one', async () => {
    const { resource, stopped } = engine()
    resource.record({ address: 'unix:///run/docker.sock' })
    resource.join()
    resource.join(process.pid)
    expect(await resource.release(process.pid)).toBe('left alone')
    expect(resource.current()).toMatchObject({ address: 'unix:///run/docker.sock' })
    expect(await resource.release()).toBe('stopped')
    expect(stopped).toHaveLength(1)
  })
})
