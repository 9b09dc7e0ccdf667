import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { parseProgramMappings } from './program-pages.ts'

const SMAPS = [
  '00400000-0082e000 r--p 00000000 fe:00 2220073                            /opt/my agent/bin/node',
  'Rss:                4280 kB',
  'Anonymous:             0 kB',
  '0082e000-03489000 r-xp 0042e000 fe:00 2220073                            /opt/my agent/bin/node',
  'Anonymous:             0 kB',
  '072a7000-072b0000 r--p 06ea6000 fe:00 2220073                            /opt/my agent/bin/node',
  'Anonymous:            36 kB',
  '072b0000-072d0000 rw-p 06eaf000 fe:00 2220073                            /opt/my agent/bin/node',
  'Anonymous:             0 kB',
  '7f0000000000-7f0000100000 r-xp 00000000 fe:00 9                          /usr/lib/libc.so.6',
  'Anonymous:             0 kB',
  '7ffd00000000-7ffd00100000 rw-p 00000000 00:00 0                          [stack]',
  'Anonymous:             0 kB',
  '',
].join('\n')

describe('parseProgramMappings', () => {
  test('finds the mappings of the program that are not writable and have no changed page', () => {
    expect(parseProgramMappings(SMAPS, '/opt/my agent/bin/node')).toEqual([
      { start: 0x40_0000n, end: 0x82_e000n },
      { start: 0x82_e000n, end: 0x348_9000n },
    ])
  })

  test('finds nothing of another program', () => {
    expect(parseProgramMappings(SMAPS, '/bin/node')).toEqual([])
  })
})

const SCRIPT = `
  import { readFileSync } from 'node:fs'
  import { releaseProgramPages } from ${JSON.stringify(new URL('./program-pages.ts', import.meta.url).href)}
  const mapped = () => Number(/^RssFile:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])
  const before = mapped()
  await releaseProgramPages()
  const after = mapped()
  for (let round = 0; round < 3; round += 1) await releaseProgramPages()
  console.log(JSON.stringify({ before, after, answer: await import('node:zlib').then((zlib) => zlib.crc32('123456789')) }))
`

test.runIf(process.platform === 'linux')('releases most pages of a running program, which goes on to work', () => {
  const words = ['--conditions=@rca/source', '--disable-warning=ExperimentalWarning', '--input-type=module']
  const output = execFileSync(process.execPath, [...words, '--eval', SCRIPT], { encoding: 'utf8' })
  const { before, after, answer } = JSON.parse(output) as { before: number; after: number; answer: number }
  expect(after).toBeLessThan(before / 2)
  expect(answer).toBe(0xcb_f4_39_26)
})
