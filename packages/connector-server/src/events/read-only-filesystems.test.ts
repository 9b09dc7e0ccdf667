import { describe, expect, test } from 'vitest'
import { events, nothing, watchContext, watchToEnd } from '../../test/contexts.ts'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { readOnlyFilesystems } from './read-only-filesystems.ts'

describe('read-only filesystems', () => {
  const readOnly = (root: ReturnType<typeof fixtureRoot>) => (): void =>
    root.change('proc/1/mountinfo', (text) => text.replace('/dev/vda rw,discard', '/dev/vda ro,discard'))
  const writable = (root: ReturnType<typeof fixtureRoot>) => (): void =>
    root.change('proc/1/mountinfo', (text) => text.replace('/dev/vda ro,discard', '/dev/vda rw,discard'))

  test('that turn so, and back; not those that were mounted so', async () => {
    const root = fixtureRoot()
    const context = watchContext([readOnly(root), nothing, writable(root)])
    await watchToEnd(readOnlyFilesystems.watch(openFixture(root), context), context)
    const attributes = {
      'system.filesystem.mountpoint': '/',
      'system.filesystem.type': 'ext4',
      'system.device': '/dev/vda',
    }
    expect(events(context.emitted)).toEqual([
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

  test('across a restart of the agent, and once', async () => {
    const root = fixtureRoot()
    const before = watchContext([])
    await watchToEnd(readOnlyFilesystems.watch(openFixture(root), before), before)
    readOnly(root)()
    const after = watchContext([], before.cursors.at(-1))
    await watchToEnd(readOnlyFilesystems.watch(openFixture(root), after), after)
    expect(events(after.emitted)).toMatchObject([{ name: 'filesystem.read_only' }])
    const later = watchContext([], after.cursors.at(-1))
    await watchToEnd(readOnlyFilesystems.watch(openFixture(root), later), later)
    expect(later.emitted).toEqual([])
    expect(later.cursors).toEqual([])
  })
})
