import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fakeMachine, placeArchive } from '../../test/fake-machine.ts'
import { temporaryDirectory } from '../../test/fakes.ts'
import { createLayout } from './layout.ts'
import { currentRelease, discardRelease, findRelease, ownPrefix, placeRelease, switchRelease } from './release.ts'

const layout = createLayout('linux')

/** Makes an unpacked archive in a folder of its own. */
function unpack(): string {
  const folder = join(temporaryDirectory(), 'rca-agent-1.0.0-linux-x64')
  mkdirSync(join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'VERSION'), '1.0.0\n')
  writeFileSync(join(folder, 'bin/node'), '')
  return folder
}

describe('a release', () => {
  test('is found by the runtime that runs', () => {
    const folder = unpack()
    expect(findRelease(join(folder, 'bin/node'))).toEqual({ folder, version: '1.0.0' })
    expect(ownPrefix(join(folder, 'bin/node'))).toBeUndefined()
    expect(() => findRelease(process.execPath)).toThrow('not part of an archive')
  })

  test('is copied below the folder of versions, unless it is there', () => {
    const machine = fakeMachine()
    const release = findRelease(join(unpack(), 'bin/node'))
    placeRelease(machine, layout, release)
    expect(machine.read(`${layout.versions}/1.0.0/VERSION`)).toBe('1.0.0\n')
    expect(readdirSync(machine.path(layout.prefix))).toEqual(['versions'])
    const placed = placeArchive(machine, '1.1.0')
    placeRelease(machine, layout, placed)
    expect(ownPrefix(join(machine.path(`${layout.versions}/1.1.0`), 'bin/rca-agent'))).toBe(machine.path(layout.prefix))
  })

  test('becomes current, and is discarded only if it did not', () => {
    const machine = fakeMachine()
    const [first, second] = [placeArchive(machine, '1.0.0'), placeArchive(machine, '2.0.0')]
    expect(currentRelease(machine, layout)).toBeUndefined()
    switchRelease(machine, layout, '1.0.0')
    switchRelease(machine, layout, '2.0.0')
    expect(currentRelease(machine, layout)).toBe('2.0.0')
    discardRelease(machine, layout, second)
    expect(readFileSync(join(second.folder, 'VERSION'), 'utf8')).toBe('2.0.0\n')
    discardRelease(machine, layout, first)
    expect(existsSync(first.folder)).toBe(false)
  })
})
