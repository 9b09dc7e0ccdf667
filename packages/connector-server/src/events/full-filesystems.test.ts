import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { FilesystemReading, FilesystemUsage, FileWriter, Mount, ServerClient } from '../client/server-client.ts'
import { fullFilesystems } from './full-filesystems.ts'

const GIBIBYTE = 1024 ** 3

/** A half full filesystem of 100 GiB and a million inodes. */
function reading(change: Partial<FilesystemUsage> = {}, mount: Partial<Mount> = {}): FilesystemReading {
  const available = change.available ?? 50 * GIBIBYTE
  return {
    mount: {
      mountPoint: '/data',
      device: '/dev/sdb1',
      type: 'ext4',
      readOnly: false,
      filesystemReadOnly: false,
      disk: 'sdb',
      ...mount,
    },
    usage: {
      total: 105 * GIBIBYTE,
      used: 100 * GIBIBYTE - available,
      available,
      inodes: 1_000_000,
      freeInodes: 500_000,
      ...change,
    },
  }
}

const free = (gibibytes: number, mount?: Partial<Mount>) => reading({ available: gibibytes * GIBIBYTE }, mount)

/** Runs the watcher over one reading per look. */
async function watch(readings: FilesystemReading[], cursor?: string, writers: FileWriter[] = []) {
  let next = 0
  const client: ServerClient = {
    ...openFixture(fixtureRoot()),
    fileWriters: async () => writers,
    filesystems: async () => [readings[Math.min(next++, readings.length - 1)]!],
  }
  const context = watchContext({ steps: readings.slice(1).map(() => idle), cursor })
  await runWatcher(fullFilesystems, client, context)
  return context
}

const summaries = (context: Awaited<ReturnType<typeof watch>>) =>
  context.events().map(({ name, severity, body }) => `${severity} ${name}: ${body}`)

describe('fullFilesystems', () => {
  test('reports space that runs out, and that is free again', async () => {
    const context = await watch([free(50), free(4), free(0), free(3), free(80)])
    expect(summaries(context)).toEqual([
      'warning filesystem.nearly_full: /data (/dev/sdb1) is nearly full: 4 GiB of 100 GiB is free',
      'critical filesystem.full: /data (/dev/sdb1) is full: nothing of 100 GiB is free',
      'info filesystem.has_space: /data (/dev/sdb1) has space again: 3 GiB of 100 GiB is free',
      'info filesystem.has_space: /data (/dev/sdb1) has space again: 80 GiB of 100 GiB is free',
    ])
    expect(context.events()[1]).toMatchObject({
      entity: { type: 'filesystem', id: '/data' },
      at: '2026-11-22T09:00:30.000Z',
      attributes: { 'server.filesystem.resource': 'space', 'system.filesystem.utilization': 1 },
    })
    expect(context.events()[2]?.attributes['server.filesystem.full_since']).toBe('2026-11-22T09:00:30.000Z')
  })

  test('names the largest files that are written', async () => {
    const log = { pid: 812, name: 'java', path: '/data/gc.log (deleted)', size: 41 * GIBIBYTE }
    const context = await watch([free(50), free(0), free(80)], undefined, [log, { ...log, path: '/data/b', size: 1 }])
    expect(context.events().map(({ body }) => body)).toEqual([
      '/data (/dev/sdb1) is full: nothing of 100 GiB is free; largest file that is written: /data/gc.log (deleted) (41 GiB, java, pid 812)',
      '/data (/dev/sdb1) has space again: 80 GiB of 100 GiB is free',
    ])
    expect(context.events()[0]?.attributes['server.filesystem.writers']).toHaveLength(2)
  })

  test('reports inodes that run out while there is space', async () => {
    expect(summaries(await watch([reading(), reading({ freeInodes: 0 }), reading()]))).toEqual([
      'critical filesystem.full: /data (/dev/sdb1) has run out of inodes: no inode of 1000000 inodes is free',
      'info filesystem.has_space: /data (/dev/sdb1) has inodes again: 500000 inodes of 1000000 inodes is free',
    ])
  })

  test('does not come and go at the limit', async () => {
    expect((await watch([free(0.9), free(1.1), free(0.9), free(1.4), free(0.9)])).events()).toHaveLength(1)
    expect((await watch([free(4.9), free(5.1), free(4.9), free(7)])).events()).toHaveLength(1)
  })

  test('takes a share for little only up to 10 GiB', async () => {
    const large = (gibibytes: number) =>
      reading({ available: gibibytes * GIBIBYTE, used: 10_000 * GIBIBYTE, freeInodes: 900_000 })
    expect((await watch([large(300), large(50)])).events()).toEqual([])
    expect((await watch([large(300), large(0.5)])).events()).toMatchObject([{ name: 'filesystem.full' }])
  })

  test('forecasts when nothing is left', async () => {
    // 1 GiB every 15 s from 30 GiB on.
    const context = await watch(Array.from({ length: 20 }, (_, index) => free(30 - index)))
    expect(context.events()).toHaveLength(1)
    expect(context.events()[0]).toMatchObject({
      name: 'filesystem.nearly_full',
      body: '/data (/dev/sdb1) is nearly full: 19 GiB of 100 GiB is free, and nothing in 5 minutes at this rate',
      attributes: { 'server.filesystem.full_in': 285 },
    })
  })

  test('does not forecast from a single file, or where usage shrinks', async () => {
    expect((await watch([free(40), free(15), free(15)])).events()).toEqual([])
    expect((await watch(Array.from({ length: 20 }, (_, index) => free(15 + index)))).events()).toEqual([])
  })

  test('leaves out filesystems that are read-only, such as images, and those without space', async () => {
    expect((await watch([free(0, { readOnly: true })])).events()).toEqual([])
    expect((await watch([reading({ available: 0, used: 0 })])).events()).toEqual([])
  })

  test('keeps the state of a filesystem that does not answer, and across a restart', async () => {
    const { mount } = reading()
    const context = await watch([free(0), { mount, problem: 'statfs did not return' }, free(0)])
    expect(context.events()).toHaveLength(1)
    const after = await watch([free(0), free(50)], context.cursors.at(-1))
    expect(after.events().map(({ name }) => name)).toEqual(['filesystem.has_space'])
    expect(JSON.parse(after.cursors.at(-1) ?? '')).toEqual({})
  })

  test('reports a filesystem that is full already when the agent comes', async () => {
    expect((await watch([free(0)])).events()).toMatchObject([{ name: 'filesystem.full' }])
  })
})
