import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { readOnlyFilesystems } from './read-only-filesystems.ts'

describe('readOnlyFilesystems', () => {
  const readOnly = (root: ReturnType<typeof fixtureRoot>) => (): void =>
    root.change('proc/1/mountinfo', (text) => text.replace('/dev/vda rw,discard', '/dev/vda ro,discard'))
  const writable = (root: ReturnType<typeof fixtureRoot>) => (): void =>
    root.change('proc/1/mountinfo', (text) => text.replace('/dev/vda ro,discard', '/dev/vda rw,discard'))

  test('reports a filesystem that becomes read-only and writable again, but none that was mounted read-only', async () => {
    const root = fixtureRoot()
    const context = watchContext({ steps: [readOnly(root), idle, writable(root)] })
    await runWatcher(readOnlyFilesystems, openFixture(root), context)
    const attributes = {
      'system.filesystem.mountpoint': '/',
      'system.filesystem.type': 'ext4',
      'system.device': '/dev/vda',
    }
    expect(context.events()).toEqual([
      {
        name: 'filesystem.read_only',
        severity: 'critical',
        at: '2026-11-22T09:00:15.000Z',
        entity: { type: 'filesystem', id: '/' },
        body: '/ (/dev/vda) has become read-only',
        attributes,
      },
      {
        name: 'filesystem.writable',
        severity: 'info',
        at: '2026-11-22T09:00:45.000Z',
        entity: { type: 'filesystem', id: '/' },
        body: '/ (/dev/vda) is writable again',
        attributes,
      },
    ])
    expect(context.cursors).toHaveLength(3)
  })

  test('reports a change across a restart of the agent once', async () => {
    const root = fixtureRoot()
    const before = watchContext()
    await runWatcher(readOnlyFilesystems, openFixture(root), before)
    readOnly(root)()
    const after = watchContext({ cursor: before.cursors.at(-1) })
    await runWatcher(readOnlyFilesystems, openFixture(root), after)
    expect(after.events()).toMatchObject([{ name: 'filesystem.read_only' }])
    const later = watchContext({ cursor: after.cursors.at(-1) })
    await runWatcher(readOnlyFilesystems, openFixture(root), later)
    expect(later.emitted).toEqual([])
    expect(later.cursors).toEqual([])
  })

  test('does not report a mount that becomes read-only while its filesystem stays writable', async () => {
    const root = fixtureRoot()
    const remount = (): void =>
      root.change('proc/1/mountinfo', (text) =>
        `${text}90 43 254:0 /srv /srv ro,relatime - ext4 /dev/vda rw\n`.replace('/ / rw,', '/ / ro,'),
      )
    const context = watchContext({ steps: [idle, remount, idle] })
    await runWatcher(readOnlyFilesystems, openFixture(root), context)
    expect(context.events()).toEqual([])
  })
})
