import { gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { describe, expect, test, vi } from 'vitest'
import { packTarGz, packZip } from './archive.ts'

const files = [
  { path: 'agent/bin/node', content: Buffer.from('program'), isExecutable: true },
  { path: 'agent/VERSION', content: '1.2.3\n' },
]
const time = new Date('2026-05-04T03:02:00Z')

describe('packTarGz', () => {
  test('sorts entries, and gives them root, fixed modes and the time', async () => {
    const entries: object[] = []
    const reader = extract()
    reader.end(gunzipSync(await packTarGz(files, time)))
    for await (const entry of reader) {
      const { name, mode, uid, gid, mtime, type } = entry.header
      entries.push({ name, mode, uid, gid, mtime, type })
      entry.resume()
    }
    const common = { uid: 0, gid: 0, mtime: time }
    expect(entries).toEqual([
      { ...common, name: 'agent', mode: 0o755, type: 'directory' },
      { ...common, name: 'agent/bin', mode: 0o755, type: 'directory' },
      { ...common, name: 'agent/VERSION', mode: 0o644, type: 'file' },
      { ...common, name: 'agent/bin/node', mode: 0o755, type: 'file' },
    ])
  })
})

describe.each([packTarGz, packZip])('%o', (pack) => {
  test('returns the same bytes for files in any order, in any time zone', async () => {
    vi.stubEnv('TZ', 'UTC')
    const first = await pack(files, time)
    vi.stubEnv('TZ', 'America/St_Johns')
    expect(await pack(files.toReversed(), time)).toEqual(first)
    vi.unstubAllEnvs()
  })
})
