import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { FileState, SharedFiles } from '../client/server-client.ts'
import { changedSharedFiles } from './changed-shared-files.ts'

const file: FileState = { size: 10, mode: 0o644, owner: 0, modifiedAt: '2026-11-22T08:00:00.000Z' }

/** Runs the watcher of shares over one reading per look. */
async function watchShares(readings: SharedFiles[], cursor?: string) {
  let next = 0
  const client = { ...openFixture(fixtureRoot()), sharedFiles: async () => readings[next++] ?? { folders: {} } }
  const context = watchContext({ steps: readings.slice(1).map(() => idle), cursor })
  const error = await runWatcher(changedSharedFiles, client, context).catch((failure: Error) => failure.message)
  return { context, error }
}

describe('changedSharedFiles', () => {
  test('reports changed, created and deleted files on a share, and none of a share that is new', async () => {
    const { context } = await watchShares([
      { folders: { '/etc/app': { '/etc/app/a': file, '/etc/app/b': file } } },
      {
        folders: { '/etc/app': { '/etc/app/a': { ...file, size: 9 }, '/etc/app/c': file }, '/srv': { '/srv/x': file } },
      },
    ])
    expect(context.events().map(({ body }) => body)).toEqual([
      '/etc/app/a was changed: size 10 → 9 bytes',
      '/etc/app/c was created',
      '/etc/app/b was deleted',
    ])
  })

  test('fails while a share does not answer, and compares the others and, later, that share', async () => {
    const before = { '/a': { '/a/x': file }, '/b': { '/b/x': file } }
    const first = await watchShares([{ folders: before }])
    const failed = await watchShares(
      [{ folders: { '/a': {} }, problem: 'files of /b are not compared: its filesystem does not answer' }],
      first.context.cursors.at(-1),
    )
    expect(failed.error).toBe('files of /b are not compared: its filesystem does not answer')
    expect(failed.context.events().map(({ body }) => body)).toEqual(['/a/x was deleted'])
    const later = await watchShares([{ folders: { '/a': {}, '/b': {} } }], failed.context.cursors.at(-1))
    expect(later.context.events().map(({ body }) => body)).toEqual(['/b/x was deleted'])
  })
})
