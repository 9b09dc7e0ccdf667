import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { realTest } from '@rca/rig/real'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect } from 'vitest'
import { createSharedFileReader } from './shared-files.ts'

const isLinux = process.platform === 'linux'
const neverAborts = new AbortController().signal

describe('createSharedFileReader', () => {
  realTest('reads size, mode, owner and time of files and links', isLinux, async () => {
    const root = temporaryDirectory()
    root.write('share/shop conf/a.conf', 'pool = 10\n')
    root.write('share/.a.conf.swp', '')
    chmodSync(join(root.path, 'share/shop conf/a.conf'), 0o640)
    symlinkSync('shop conf/a.conf', join(root.path, 'share/link'))
    const read = createSharedFileReader({
      resolve: (path) => join(root.path, path),
      findShares: () => ({ mountPoints: ['/share', '/deleted'], has: () => true }),
    })
    const { folders, problem } = await read(neverAborts)
    expect(Object.keys(folders['/share'] ?? {}).toSorted()).toEqual(['/share/link', '/share/shop conf/a.conf'])
    expect(folders['/share']?.['/share/shop conf/a.conf']).toEqual({
      size: 10,
      mode: 0o640,
      owner: process.getuid?.(),
      modifiedAt: expect.stringMatching(/^\d{4}-.*:\d\d\.000Z$/),
    })
    // A folder that does not exist on the share has no files.
    expect(folders['/deleted']).toEqual({})
    expect(problem).toBeUndefined()
  })
})
