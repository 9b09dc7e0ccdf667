import { describe, expect, test } from 'vitest'
import { canary, captured, engineNames } from '../../test/fixtures.ts'
import type { LogRequest } from '../engine/engine-api.ts'
import { demultiplex } from '../engine/log-frames.ts'
import { type LoggedRun, readLogTail, tailOf, withoutSecrets } from './log-tail.ts'

const most = 16 * 1024
const { signal } = new AbortController()

const run: LoggedRun = {
  id: 'a',
  environment: ['DB_PASSWORD=hunter2-of-the-shop', 'MODE=production'],
  since: Date.parse('2026-11-25T00:00:01.123Z'),
  until: Date.parse('2026-11-25T00:00:05.250Z'),
}

/** Reads the end of a log; what the engine was asked for. */
async function read(text: string | undefined, of: Partial<LoggedRun> = {}, lines = 200) {
  const requests: LogRequest[] = []
  const engine = {
    logs: async (_id: string, request: LogRequest) => {
      requests.push(request)
      return text
    },
  }
  return { tail: await readLogTail(engine, { ...run, ...of }, lines, signal), requests }
}

describe('the log of a run', () => {
  test('is asked for from when to when it was written', async () => {
    const { tail, requests } = await read('all is lost\n')
    expect(tail).toEqual({ log: 'all is lost\n' })
    expect(requests).toEqual([{ since: '1795564801.123', until: '1795564805.250', lines: 200 }])
  })

  test('is read from its beginning where nobody knows when the run began', async () => {
    const { requests } = await read('', { since: undefined })
    expect(requests).toMatchObject([{ since: undefined }])
  })

  test('is missing with the reason', async () => {
    expect((await read(undefined)).tail).toEqual({ missing: 'the container is gone, or its log driver cannot be read' })
    const { tail, requests } = await read('all is lost\n', {}, 0)
    expect(tail).toEqual({ missing: '`crash_log_lines` is 0' })
    expect(requests).toEqual([])
  })

  test('has neither secrets nor escape sequences', async () => {
    const { tail } = await read('\u001b[31mFATAL\u001b[0m: hunter2-of-the-shop is refused in production\n')
    expect(tail).toEqual({ log: 'FATAL: [redacted] is refused in production\n' })
  })

  test('is cut after secrets are taken out, so that none loses the name by which it is known', async () => {
    const secret = 'canary'.repeat(500)
    const { tail } = await read(`api_token=${secret}\n${'x'.repeat(most - 1000)}\n`)
    expect(JSON.stringify(tail)).not.toContain('canary')
  })

  test.each(engineNames)('%s: as its container wrote it', async (name) => {
    const of = captured(name)
    const { environment } = of.container('crashed')
    const { tail } = await read(demultiplex(of.bytes('log-crashed.bin')), { environment })
    const log = 'log' in tail ? tail.log : ''
    expect(log.split('\n').toSorted()).toEqual(['', 'cannot log in: password=[redacted]', 'starting'])
    expect(log).not.toContain(canary)
  })
})

describe('the end of a text', () => {
  test('is all of it, where it is short', () => {
    expect(tailOf('')).toBe('')
    expect(tailOf('ü'.repeat(most / 2))).toBe('ü'.repeat(most / 2))
  })

  test('is 16 KiB at most, from the beginning of a line on', () => {
    const lines = Array.from({ length: 2000 }, (_, number) => `line ${number} – ünïcödé\n`)
    const tail = tailOf(lines.join(''))
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(most)
    expect(Buffer.byteLength(tail)).toBeGreaterThan(most - 100)
    expect(lines).toContain(`${tail.split('\n')[0]}\n`)
    expect(lines.join('').endsWith(tail)).toBe(true)
  })

  test.each([
    ['', ''],
    ['and the line is ended', '\n'],
    ['and lines come before', '', 'before\n'],
  ])('is the end of the line, where one line is longer than that %s', (_how, end, before = '') => {
    const text = `${before}${'€'.repeat(most)}the reason${end}`
    const tail = tailOf(text)
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(most)
    expect(Buffer.byteLength(tail)).toBeGreaterThan(most - 100)
    // No half character at its beginning.
    expect(text.endsWith(tail)).toBe(true)
  })
})

describe('secrets', () => {
  test.each([
    'DB_PASSWORD',
    'api_key',
    'GITHUB_TOKEN',
    'SENTRY_DSN',
    'Secret',
    'AUTH',
    'TLS_PRIVATE',
    'SESSION_COOKIE',
    'DB_PWD',
    'pw',
    'CARD_PIN_1',
    'spring.datasource.pwd',
    'WIFI_PSK',
    'JWT_OF_SHOP',
    'PASSPHRASE',
    'WEBHOOK_SIGNATURE',
  ])('the value of %s does not stand in what the container wrote', (name) => {
    expect(withoutSecrets('it was a=b/c%, it said', [`${name}=a=b/c%`])).toBe('it was [redacted], it said')
  })

  test('values of other variables stay, and those that are so short that they are found by accident', () => {
    const text = 'on port 8080 in production at no time'
    expect(
      withoutSecrets(text, [
        'MODE=production',
        'PINNED=production',
        'SPIN_PWDS=production',
        'PASSWORD=no',
        'KEY=8080',
        'TOKEN=',
        'TOKEN',
      ]),
    ).toBe(text)
  })

  test('of two values of which one begins like the other none is left in part', () => {
    const environment = ['A_TOKEN=abcdef', 'B_TOKEN=abcdef-and-more']
    expect(withoutSecrets('abcdef-and-more, abcdef', environment)).toBe('[redacted], [redacted]')
  })

  test.each([
    ['postgres://u:p4ssw0rd@h/db', 'p4ssw0rd'],
    ['postgres://u:p%40ss%2Fw0rd@h/db', 'p@ss/w0rd'],
    ['postgres://u:p%40ss%2Fw0rd@h/db', 'p%40ss%2Fw0rd'],
    ['redis://:100%p4ss@cache', '100%p4ss'],
    ['amqp://u:p4ss@w0rd@h', 'p4ss@w0rd'],
    ['http://u:first-1@a,http://u:second-2@b', 'second-2'],
  ])('the password in %s is known: %s', (url, password) => {
    expect(withoutSecrets(`u is refused with ${password} at h`, [`DATABASE_URL=${url}`])).toBe(
      'u is refused with [redacted] at h',
    )
  })

  test('a URL without a password tells no secret', () => {
    const text = 'nobody listens at proxy.example.com:8080/a@b-and-c'
    expect(withoutSecrets(text, ['PROXY=http://proxy.example.com:8080/a@b-and-c', 'SITE=https://someone@h'])).toBe(text)
  })

  test('a variable without a value has none', () => {
    expect(withoutSecrets('API_TOKEN_X is not set', ['API_TOKEN_X'])).toBe('API_TOKEN_X is not set')
  })

  test('a value is found although a part of it is coloured', () => {
    const text = withoutSecrets('refused: hunter2-\u001b[1mof-the\u001b[0m-shop', run.environment)
    expect(text).toBe('refused: [redacted]')
  })

  test.each([
    'GET https://user:canary-a@registry.example.com/v2/',
    'Authorization: Bearer canary-a-0123456789',
    'login failed: password=canary-a',
    '{"api_key": "canary-a"}',
  ])('%s: is known by its form', (text) => {
    expect(withoutSecrets(text)).toContain('[redacted]')
    expect(withoutSecrets(text)).not.toContain('canary')
  })
})

test('the folder in which a shell is stays: it tells what failed', () => {
  const environment = ['PWD=/usr/src/app', 'OLDPWD=/usr/src', 'DB_PWD=hunter2-of-the-shop']
  const text = 'no such file: /usr/src/app/config, hunter2-of-the-shop'
  expect(withoutSecrets(text, environment)).toBe('no such file: /usr/src/app/config, [redacted]')
})
