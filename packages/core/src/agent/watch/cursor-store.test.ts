import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../../../test/temporary-directory.ts'
import { silentLogger } from '../../logger.ts'
import { createDirectoryState, createMemoryState } from '../../state/state-store.ts'
import { createCursorStore } from './cursor-store.ts'

describe('CursorStore', () => {
  test('separates the cursors of agents that share a directory', async () => {
    const directory = await temporaryDirectory()
    const cursorsOf = (agentId: string): ReturnType<typeof createCursorStore> =>
      createCursorStore(createDirectoryState(directory), agentId, silentLogger)
    for (const [agentId, cursor] of [
      ['a', '1'],
      ['b', '2'],
    ] as const) {
      const cursors = cursorsOf(agentId)
      cursors.keep('events', cursor)
      await cursors.take()()
    }
    expect(await cursorsOf('a').read('events')).toBe('1')
    expect(await cursorsOf('b').read('events')).toBe('2')
    expect(await cursorsOf('a').read('audit')).toBeUndefined()
  })

  test('warns once that a directory cannot be read and once that it cannot be written', async () => {
    const broken = async (): Promise<never> => Promise.reject(new Error('EACCES: permission denied'))
    const warnings: string[] = []
    const log = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) }
    const cursors = createCursorStore({ ...createMemoryState(), read: broken, write: broken }, 'a', log)
    const watchers = ['clock', 'reboot', 'packages', 'files', 'ports', 'links', 'units']
    await Promise.all(watchers.map((watcher) => cursors.read(watcher)))
    for (const watcher of watchers) cursors.keep(watcher, '1')
    await cursors.take()()
    expect(warnings).toEqual([
      'saved cursor not readable: the watcher starts from scratch',
      'cursor not saved: it will not outlive this run',
    ])
  })

  test('writes the cursors that were kept when they were taken, and later ones with the next', async () => {
    const state = createMemoryState()
    const cursors = createCursorStore(state, 'a', silentLogger)
    const saved = (): Promise<string | undefined> => createCursorStore(state, 'a', silentLogger).read('events')
    cursors.keep('events', '1')
    const write = cursors.take()
    cursors.keep('events', '2')
    expect(await cursors.read('events')).toBe('2')
    expect(await saved()).toBeUndefined()
    await write()
    expect(await saved()).toBe('1')
    await cursors.take()()
    expect(await saved()).toBe('2')
  })
})
