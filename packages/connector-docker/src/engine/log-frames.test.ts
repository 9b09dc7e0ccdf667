import { describe, expect, test } from 'vitest'
import { captured, engineNames } from '../../test/fixtures.ts'
import { demultiplex } from './log-frames.ts'

/** Builds a frame in the engine's format. */
function frame(stream: number, text: string): Buffer {
  const content = Buffer.from(text)
  const header = Buffer.alloc(8)
  header.writeUInt8(stream, 0)
  header.writeUInt32BE(content.length, 4)
  return Buffer.concat([header, content])
}

describe.each(engineNames)('demultiplex: logs of %s', (name) => {
  test('returns text without frame headers, with and without a TTY', () => {
    const of = captured(name)
    // One line of each stream, in any order.
    expect(demultiplex(of.bytes('log-crashed.bin')).split('\n').toSorted()).toEqual([
      '',
      '\u001B[31mcannot log in: password=canary-log\u001B[0m',
      '\u001B[32mstarting\u001B[0m',
    ])
    expect(demultiplex(of.bytes('log-tty.bin'))).toBe('first line\r\n\u001B[1msecond line\u001B[0m\r\n')
  })
})

describe('demultiplex', () => {
  test.each([
    ['of both streams', Buffer.concat([frame(1, 'out\n'), frame(2, 'error\n'), frame(0, 'in\n')]), 'out\nerror\nin\n'],
    ['with a character in two frames', Buffer.concat([frame(1, 'a'), frame(1, ''), frame(1, 'ö\n')]), 'aö\n'],
    ['without content', Buffer.alloc(0), ''],
    ['with a truncated last frame', frame(1, 'a long line\n').subarray(0, 14), 'a long'],
    ['of a TTY', Buffer.from('plain text\r\n'), 'plain text\r\n'],
    ['shorter than a header', Buffer.from([1, 0, 0, 0]), '\u0001\0\0\0'],
    ['with invalid UTF-8', frame(1, 'x').fill(0xff, 8), '\uFFFD'],
  ])('returns the text of a log %s', (_name, answer, text) => {
    expect(demultiplex(answer)).toBe(text)
  })

  test('decodes characters that span two frames', () => {
    const bytes = Buffer.from('ö')
    const halves = [bytes.subarray(0, 1), bytes.subarray(1)].map((half) =>
      Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, half.length]), half]),
    )
    expect(demultiplex(Buffer.concat(halves))).toBe('ö')
  })

  test('joins the parts of a long line, between which the other stream wrote', () => {
    const parts = [frame(1, 'DB_PASSWORD=hunt'), frame(2, 'error\n'), frame(1, 'er2\n'), frame(1, 'the end')]
    expect(demultiplex(Buffer.concat(parts))).toBe('error\nDB_PASSWORD=hunter2\nthe end')
    expect(demultiplex(Buffer.concat([frame(1, 'no line feed'), frame(2, ', then an error\n')]))).toBe(
      'no line feed, then an error\n',
    )
  })
})
