import { describe, expect, test } from 'vitest'
import { gate } from '../../../test/gate.ts'
import { temporaryDirectory } from '../../../test/temporary-directory.ts'
import { silentLogger } from '../../logger.ts'
import { createDirectoryState, createMemoryState } from '../../state/state-store.ts'
import { createCursorStore } from './cursor-store.ts'

describe('CursorStore', () => {
  test('separates the cursors of agents that share a directory', async () => {
    const directory = await temporaryDirectory()
    const cursorsOf = (agentId: string): ReturnType<typeof createCursorStore> =>
      createCursorStore(createDirectoryState(directory), agentId, silentLogger)
    await cursorsOf('a').save('events', '1')
    await cursorsOf('b').save('events', '2')
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
    await Promise.all(watchers.map((watcher) => cursors.save(watcher, '1')))
    expect(warnings).toEqual([
      'saved cursor not readable: the watcher starts from scratch',
      'cursor not saved: it will not outlive this run',
    ])
  })

  test('writes concurrent cursors in order, and skips superseded ones', async () => {
    const first = gate()
    const state = createMemoryState()
    const written: string[] = []
    const slow = {
      ...state,
      write: async (_key: string, text: string): Promise<void> => {
        written.push(text)
        if (written.length === 1) await first.promise
      },
    }
    const cursors = createCursorStore(slow, 'a', silentLogger)
    const saves = ['1', '2', '3', '4'].map((cursor) => cursors.save('events', cursor))
    expect(await cursors.read('events')).toBe('4')
    first.open()
    await Promise.all(saves)
    expect(written.at(-1)).toBe('4')
    expect(written.length).toBeLessThan(4)
  })
})
