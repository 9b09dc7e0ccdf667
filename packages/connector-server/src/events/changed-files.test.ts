import { EventEmitter } from 'node:events'
import { chmodSync, type FSWatcher, type watch as watchFolder } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { idle, runWatcher, testKeyedHash, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { changedFiles } from './changed-files.ts'

/** Runs the watcher. Each step changes files below `/etc`, and returns the paths that the kernel reports. */
async function watch(
  steps: ((root: ReturnType<typeof fixtureRoot>) => string[])[],
  { cursor, isBlind = false, share }: { cursor?: string; isBlind?: boolean; share?: string } = {},
) {
  const root = fixtureRoot()
  root.write('etc/nginx/nginx.conf', 'worker_processes 4;\n')
  root.write('etc/shop.conf', 'pool = 10\n')
  if (share !== undefined)
    root.change('proc/1/mountinfo', (text) => `${text}99 43 0:99 / ${share} rw - nfs4 files:/shop rw\n`)
  const listeners = new Map<string, (type: string, name: string | null) => void>()
  const fake = ((folder: string, _options: object, listener: (type: string, name: string | null) => void) => {
    if (isBlind) throw new Error('ENOSPC: System limit for number of file watchers reached')
    listeners.set(folder, listener)
    return Object.assign(new EventEmitter(), { close: () => listeners.delete(folder) }) as unknown as FSWatcher
  }) as typeof watchFolder
  const client = openFixture(root, { watchedFolders: ['/etc'], keyedHash: testKeyedHash, watchFolder: fake })
  const context = watchContext({
    steps: [
      ...steps.map((change) => () => {
        for (const path of change(root)) {
          const full = join(root.path, path)
          listeners.get(dirname(full))?.('change', basename(full))
        }
      }),
      idle,
    ],
    cursor,
  })
  await runWatcher(changedFiles, client, context)
  return { context, listeners }
}

const bodies = ({ context }: Awaited<ReturnType<typeof watch>>) => context.events().map(({ body }) => body)

describe('changedFiles', () => {
  test('reports a changed file with path, size, mode and hash, and not its content', async () => {
    const { context } = await watch([
      (root) => {
        root.write('etc/shop.conf', 'pool = 1\nDB_PASSWORD=hunter2\n')
        return ['etc/shop.conf']
      },
    ])
    expect(context.events()).toMatchObject([
      {
        name: 'host.file_changed',
        severity: 'info',
        at: '2026-11-22T09:00:10.000Z',
        body: '/etc/shop.conf was changed: size 10 → 29 bytes',
        attributes: {
          'file.path': '/etc/shop.conf',
          'file.size': 29,
          'server.file.change': 'changed',
          'server.file.hash': testKeyedHash('pool = 1\nDB_PASSWORD=hunter2\n'),
          'server.file.previous_hash': testKeyedHash('pool = 10\n'),
        },
      },
    ])
    expect(JSON.stringify([context.emitted, context.cursors])).not.toContain('hunter2')
  })

  test('reports a changed mode, and nothing for a file that was only written again', async () => {
    const result = await watch([
      (root) => {
        chmodSync(join(root.path, 'etc/shop.conf'), 0o600)
        root.write('etc/nginx/nginx.conf', 'worker_processes 4;\n')
        return ['etc/shop.conf', 'etc/nginx/nginx.conf']
      },
    ])
    expect(bodies(result)).toEqual([expect.stringMatching(/^\/etc\/shop\.conf was changed: mode 06\d\d → 0600$/)])
  })

  test('reports new and deleted folders by their files, and follows new ones', async () => {
    const result = await watch([
      (root) => {
        root.write('etc/app/one.conf', '1\n')
        return ['etc/app']
      },
      (root) => {
        root.write('etc/app/one.conf', '22\n')
        return ['etc/app/one.conf']
      },
      (root) => {
        root.remove('etc/nginx')
        return ['etc/nginx']
      },
    ])
    expect(bodies(result)).toEqual([
      '/etc/app/one.conf was created',
      '/etc/app/one.conf was changed: size 2 → 3 bytes',
      '/etc/nginx/nginx.conf was deleted',
    ])
    expect(result.listeners.size).toBe(0)
  })

  test('reports many files in 21 events, and one that changes again and again at milestones', async () => {
    const many = await watch([
      (root) =>
        Array.from({ length: 500 }, (_, index) => `etc/file-${index}`).map((path) => (root.write(path, ''), path)),
    ])
    expect(many.context.events()).toHaveLength(21)
    expect(many.context.events().at(-1)?.attributes['server.file.count']).toBe(480)
    const again = await watch(
      Array.from({ length: 12 }, (_, index) => (root) => (root.write('etc/shop.conf', `${index}`), ['etc/shop.conf'])),
    )
    expect(again.context.events().map(({ attributes }) => attributes['server.file.change.count'])).toEqual([
      undefined,
      2,
      3,
      4,
      10,
    ])
  })

  test('ignores files that editors and package managers write for a moment', async () => {
    const names = ['.shop.conf.swp', 'shop.conf~', 'shop.conf.dpkg-new', 'passwd-', 'ld.so.cache', 'mtab']
    const result = await watch([(root) => names.map((name) => (root.write(`etc/${name}`, 'x'), `etc/${name}`))])
    expect(bodies(result)).toEqual([])
  })

  test('reports changes of the time when the agent did not run', async () => {
    const { context } = await watch([])
    const cursor = context.cursors.at(-1)!.replace(testKeyedHash('pool = 10\n'), testKeyedHash('pool = 20\n'))
    expect(bodies(await watch([], { cursor }))).toEqual(['/etc/shop.conf was changed'])
  })

  test('reports no file as deleted that an earlier version of the agent read on a share', async () => {
    const { context } = await watch([])
    const cursor = context.cursors.at(-1)!
    expect(cursor).toContain('/etc/nginx/nginx.conf')
    const steps = [(root: ReturnType<typeof fixtureRoot>) => (root.remove('etc/shop.conf'), ['etc/shop.conf'])]
    expect(bodies(await watch(steps, { cursor, share: '/etc/nginx' }))).toEqual(['/etc/shop.conf was deleted'])
  })

  test('reads everything every five minutes where the kernel has no watches left', async () => {
    const change = (root: ReturnType<typeof fixtureRoot>): string[] => (root.write('etc/shop.conf', 'pool = 1\n'), [])
    const steps = [change, ...Array.from({ length: 30 }, () => () => [])]
    expect(bodies(await watch(steps, { isBlind: true }))).toEqual(['/etc/shop.conf was changed: size 10 → 9 bytes'])
  })
})
