import { describe, expect, test } from 'vitest'
import { fixtureRoot } from '../../../test/fixture-root.ts'
import { parseChrony, parseTimesyncd, readClockOffset } from './clock-offset.ts'
import { createRootReader } from './root-reader.ts'

const TIMESYNCD = `       Server: 192.0.2.123 (2.debian.pool.ntp.org)
Poll interval: 34min 8s (min: 32s; max 34min 8s)
         Leap: normal
      Version: 4
      Stratum: 2
    Reference: C0248F97
    Precision: 1us (-25)
Root distance: 15.266ms (max: 5s)
       Offset: +1.013ms
        Delay: 3.412ms
       Jitter: 634us
 Packet count: 34
    Frequency: -12.345ppm
`

describe('parseChrony', () => {
  test('returns the last offset', () => {
    const line =
      'C0000201,192.0.2.1,3,1488294112.000000000,0.000006523,-0.000006747,0.000035822,-3.225,0.000,0.129,0.0136,0.0011,64.2,Normal\n'
    expect(parseChrony(line)).toEqual({ source: 'chrony', isSynchronized: true, secondsAhead: -0.000006747 })
  })

  test('returns no offset without a source, and rejects other text', () => {
    const line = '7F7F0101,,0,0.000000000,0.0,0.0,0.0,0.000,0.000,0.000,1.0,1.0,0.0,Not synchronised\n'
    expect(parseChrony(line)).toEqual({ source: 'chrony', isSynchronized: false, secondsAhead: undefined })
    expect(() => parseChrony('506 Cannot talk to daemon\n')).toThrow('`chronyc tracking` printed no offset')
  })
})

describe('parseTimesyncd', () => {
  test.each([
    ['+1.013ms', -0.001013],
    ['-734us', 0.000734],
    ['+1min 2.5s', -62.5],
    ['-1d 2h', 93_600],
    ['+2w 3d', -1_468_800],
    ['-56y 1month 1d', 1_769_941_800],
  ])('returns %s as the seconds by which the clock is ahead', (offset, seconds) => {
    const reading = parseTimesyncd(TIMESYNCD.replace('+1.013ms', offset))
    expect(reading).toMatchObject({ source: 'systemd-timesyncd', isSynchronized: true })
    expect(reading.secondsAhead).toBeCloseTo(seconds, 9)
  })

  test('returns no offset before a server has answered', () => {
    const text = '       Server: n/a\nPoll interval: 0 (min: 32s; max 34min 8s)\n Packet count: 0\n'
    expect(parseTimesyncd(text).isSynchronized).toBe(false)
  })
})

describe('readClockOffset', () => {
  const reader = { ...createRootReader('/'), exists: () => true }
  const noAnswer = async (file: string): Promise<string> => {
    throw new Error(`\`${file}\` failed: 506 Cannot talk to daemon`)
  }

  test('asks nothing below another root', async () => {
    const other = createRootReader(fixtureRoot().path)
    expect(await readClockOffset(other, noAnswer, new AbortController().signal)).toBeUndefined()
  })

  test('asks systemd-timesyncd where chrony does not answer', async () => {
    const answer = async (file: string): Promise<string> => (file === 'chronyc' ? noAnswer(file) : TIMESYNCD)
    expect(await readClockOffset(reader, answer, new AbortController().signal)).toMatchObject({
      source: 'systemd-timesyncd',
      secondsAhead: -0.001013,
    })
  })

  test('returns no offset where no daemon answers, and rejects when it is aborted', async () => {
    expect(await readClockOffset(reader, noAnswer, new AbortController().signal)).toBeUndefined()
    await expect(readClockOffset(reader, noAnswer, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped')
  })
})
