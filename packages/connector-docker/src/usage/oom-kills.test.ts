import { type TemporaryDirectory, temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test } from 'vitest'
import { createOomKills } from './oom-kills.ts'

function count(files: TemporaryDirectory, group: string, kills: number): void {
  files.write(`${group}/memory.events`, `low 0\nhigh 0\nmax 12\noom ${kills}\noom_kill ${kills}\noom_group_kill 0\n`)
}

describe('createOomKills', () => {
  test('assigns each kill to one exit', () => {
    const files = temporaryDirectory()
    count(files, 'system.slice', 3)
    const kills = createOomKills(files.path, ['docker', 'system.slice'])
    expect(kills.take(['system.slice'])).toBe(false)
    count(files, 'system.slice', 5)
    expect([1, 2, 3].map(() => kills.take(['docker', 'system.slice']))).toEqual([true, true, false])
  })

  test('keeps a kill that was counted before the exit is handled, for a minute', () => {
    let time = 1_000_000
    const files = temporaryDirectory()
    count(files, 'docker', 0)
    const kills = createOomKills(files.path, ['docker'], () => time)
    count(files, 'docker', 1)
    kills.update()
    time += 60_000
    expect(kills.take(['docker'])).toBe(true)
    count(files, 'docker', 2)
    kills.update()
    time += 60_001
    kills.update()
    expect(kills.take(['docker'])).toBe(false)
  })

  test('counts kills in a further group from its addition', () => {
    const files = temporaryDirectory()
    count(files, 'a.slice/a-b.slice', 9)
    const kills = createOomKills(files.path, [])
    kills.add('a.slice/a-b.slice')
    expect(kills.take(['a.slice/a-b.slice'])).toBe(false)
    count(files, 'a.slice/a-b.slice', 10)
    expect(kills.take(['a.slice/a-b.slice'])).toBe(true)
  })

  test('forgets a group that is removed, and counts from its next addition', () => {
    const files = temporaryDirectory()
    count(files, 'pod', 5)
    const kills = createOomKills(files.path, ['pod'])
    files.remove('pod')
    kills.update()
    count(files, 'pod', 6)
    kills.add('pod')
    expect(kills.take(['pod'])).toBe(false)
  })

  test('knows no kill without the file', () => {
    const files = temporaryDirectory()
    const kills = createOomKills(files.path, ['docker'])
    expect(kills.take(['docker'])).toBe(false)
  })
})
