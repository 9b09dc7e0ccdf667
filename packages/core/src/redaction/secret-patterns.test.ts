import { describe, expect, test } from 'vitest'
import { redactSecretPatterns } from './secret-patterns.ts'

const CANARY = 'c4n4ry-S3cret.value'

describe('redacts', () => {
  test.each([
    `password=${CANARY}`,
    `DB_PASSWORD=${CANARY}`,
    `"password": "${CANARY}"`,
    `"password":"a \\"quoted\\" ${CANARY}"`,
    `{'api_key': '${CANARY}', 'x': 1}`,
    `--token ${CANARY}`,
    `--token=${CANARY}`,
    `client.secret: ${CANARY}`,
    `AWS_SECRET_ACCESS_KEY=${CANARY}`,
    `x-api-key: ${CANARY}`,
    `Authorization: Bearer ${CANARY}`,
    `authorization: Basic ${CANARY}`,
    `sent "Authorization": "Bearer ${CANARY}"`,
    `curl failed with bearer ${CANARY}`,
    `Cookie: session=1; id=${CANARY}`,
    `connecting to postgres://app:${CANARY}@db:5432/app`,
    `redis://:${CANARY}@cache:6379`,
    `https://${CANARY}${CANARY}@example.com/x`,
    `ALTER USER app IDENTIFIED BY '${CANARY}'`,
    `the password is ${CANARY}`,
    `token\u001b[31m=\u001b[0m${CANARY}`,
    `tok\u001b[1men=${CANARY}`,
    `-----BEGIN RSA PRIVATE KEY-----\n${'A'.repeat(64)}\nc4n4ry\n-----END RSA PRIVATE KEY-----`,
    `${'A'.repeat(64)}\nc4n4ry+/=\n-----END EC PRIVATE KEY-----\nlistening`,
    `jwt eyJhbGciOiJIUzI1NiJ9.eyJjNG40cnkiOjF9c4n4ry.c4n4ryc4n4ry`,
    `key AKIAIOSFODNN7EXAMPLE c4n4r`.replace('c4n4r', ''),
    `ghp_c4n4ryc4n4ryc4n4ryc4n4ry12`,
    `agentkey_${'c4n4ry'.repeat(7)}-.`,
    `access_${'c4n4ry'.repeat(7)}-.`,
  ])('%j', (text) => {
    const redacted = redactSecretPatterns(text)
    expect(redacted).not.toMatch(/c4n4ry|S3cret|AKIA/)
    expect(redacted).toContain('[redacted]')
    expect(redactSecretPatterns(redacted)).toBe(redacted)
  })
})

test('keeps the cause of a failure', () => {
  const log = `2026-11-24T10:00:00Z ERROR connect ECONNREFUSED 10.0.0.3:5432
at https://example.com:8080/path?page=2 keyboard=us tokens: 3 left
GET /login 401 in 12 ms, user=app, sha256:0d1e2f`
  expect(redactSecretPatterns(log)).toBe(log)
  expect(redactSecretPatterns('postgres://app:hunter2@db:5432/app refused')).toBe(
    'postgres://app:[redacted]@db:5432/app refused',
  )
})

test('removes escape sequences and control characters, and keeps lines', () => {
  expect(redactSecretPatterns('\u001b[31mred\u001b[0m\u0007\tone\r\ntwo')).toBe('red\tone\r\ntwo')
})

describe('a known secret', () => {
  test.each([
    ['inside a sentence', 'password a=b/c%$& rejected', 'a=b/c%$&', 'password [redacted] rejected'],
    ['interrupted by a control character', 'refused: abcd\befgh12345', 'abcdefgh12345', 'refused: [redacted]'],
    ['partly in colour', 'refused: abcd\u001b[1mefgh\u001b[0m12345', 'abcdefgh12345', 'refused: [redacted]'],
    ['with control characters of its own', 'refused: abcd\u0007efgh1', 'abcd\u0007efgh1', 'refused: [redacted]'],
    [
      'with spaces, before a rule takes its first word',
      'password=my own 1 secret',
      'my own 1 secret',
      'password=[redacted]',
    ],
    ['cut at the end of the text', 'refused: hunter2-of-', 'hunter2-of-the-shop', 'refused: [redacted]'],
    ['cut at the end, before a mark', 'refused: hunter2-of-...', 'hunter2-of-the-shop', 'refused: [redacted]...'],
    ['cut at the beginning of the text', 'the-shop is refused', 'hunter2-of-the-shop', '[redacted] is refused'],
    ['in Base64', 'refused: aHVudGVyMi1vZi10aGUtc2hvcA==', 'hunter2-of-the-shop', 'refused: [redacted]'],
    [
      'in Base64 of a longer text',
      'x eDogaHVudGVyMi1vZi10aGUtc2hvcCB5 y',
      'hunter2-of-the-shop',
      'x eDog[redacted]CB5 y',
    ],
    ['in hexadecimal digits', '68756e746572322d6f66', 'hunter2-of', '[redacted]'],
    ['without its final line feed', 'refused: abc-123\nnext', 'abc-123\n', 'refused: [redacted]\nnext'],
    ['of several lines', 'a\nfirst 1\n2\nthird 3\nb', 'first 1\n2\nthird 3', 'a\n[redacted]\nb'],
    ['of several lines in a text with CR LF', 'a\r\nfirst 1\r\n2\r\nb', 'first 1\n2\n', 'a\r\n[redacted]\r\nb'],
    ['of several lines with CR LF', 'a\nfirst 1\n2\nb', 'first 1\r\n2', 'a\n[redacted]\nb'],
    ['by one of its lines', 'x third 3 x', 'first 1\n2\nthird 3', 'x [redacted] x'],
    ['by one of its lines with CR LF', 'x first 1 x', 'first 1\r\n2\r\nthird 3', 'x [redacted] x'],
  ])('is redacted %s', (_how, text, secret, left) => {
    expect(redactSecretPatterns(text, [secret])).toBe(left)
  })

  test('is redacted as a whole if another one is its prefix', () => {
    const secrets = ['abc-12', 'abc-12-and-3']
    expect(redactSecretPatterns('abc-12-and-3, abc-12', secrets)).toBe('[redacted], [redacted]')
  })

  test('is kept below six characters, as is each of its lines', () => {
    const text = 'listening on port 54321, no timeout'
    expect(redactSecretPatterns(text, ['54321', '', ' no\n', 'out\nfirst 1'])).toBe(text)
  })

  test.each([
    ['password', `password=${CANARY}`],
    ['postgres', `postgres://app:${CANARY}@db:5432/app`],
    ['bearer', `sent bearer ${CANARY}`],
    ['shop-1', `password=shop-1-${CANARY}`],
    [
      '-----BEGIN PRIVATE KEY-----\nAAAAAAAA\n-----END PRIVATE KEY-----',
      '-----BEGIN PRIVATE KEY-----\nc4n4ry\n-----END PRIVATE KEY-----',
    ],
  ])('does not hide other secrets from the rules: %j', (secret, text) => {
    const redacted = redactSecretPatterns(text, [secret])
    expect(redacted).not.toMatch(/c4n4ry|S3cret/)
    expect(redacted).not.toContain(secret)
  })
})

test.each([
  ...['x', 'a.', ' ', '\n', '=', '://', '@', 'A', 'key', 'pw-', 'password', 'password=', 'password: ', 'password=.'],
  ...['token="', '"password":["', String.raw`\"`, String.raw`password\":\"`, '"--password",', '--token ', '%3D'],
  ...['name: PASSWORD value', " ,'value", 'the token is ', 'login a password ', "identified by '", 'password("'],
  ...['a://', 'a://u:', 'a:b@', 'x:22:a:b:', 'eyJ', '-eyJa', 'eyJaaaaaaaaaa.', 'ghp_', '$1$', 'bearer ', '/bot1'],
  ...['mysql -p', 'mysql ', 'redis-cli ', 'curl -u a:', 'htpasswd -b ', 'hooks/', 'cookie: a', '[redacted]'],
  ...['echo a', 'printf a ', 'openssl <<<', 'fly secrets set a=b ', '--auth a:', 'db2 user a using ', 'sqlplus -s a/'],
  ...['htpasswd -b -c ', 'curl -b a=', 'AKIAAAAAAAAAAAAAAAAA ', 'set password for a=', '/a:b@', 'define("password",'],
  ...['rclone pass', 'pulumi config set --secret ', '<password><![CDATA[', '*:*:a:b:', "SECRET 'a"],
  ...['-----BEGIN PRIVATE KEY-----', 'AAAA\n-----END PRIVATE KEY-----\n', 'x-----END PRIVATE KEY-----'],
  ...['\u001b[', '\u001b]', '\u001bP', '\u009b'],
])('takes linear time for a text that repeats %j', (part) =>
  expectLinear((length) => part.repeat(length / part.length)),
)

test.each([
  ['password=', '.'],
  ['password: ', '!'],
  ['"password":"', '\\'],
])('takes linear time for a long value of %s', (name, character) =>
  expectLinear((length) => `${name}${character.repeat(length)}x`),
)

const LENGTH = 16_384
/** Linear time for a text of eight times the length takes eight times as long, quadratic time 64 times. */
const [FACTOR, MAX_RATIO] = [8, 32]
/** Less is not measured well. */
const MIN_MICROSECONDS = 5_000

/** Compares the processor time of this thread alone, which other processes do not change, for two lengths of a text. */
function expectLinear(textOf: (length: number) => string): void {
  const [short, long] = [textOf(LENGTH), textOf(LENGTH * FACTOR)]
  const ratios: number[] = []
  // The collection of garbage and the compiler may disturb a measurement, but not all of them.
  while (ratios.length < 5) {
    const ratio = microsecondsOf(long) / Math.max(microsecondsOf(short), MIN_MICROSECONDS)
    if (ratio <= MAX_RATIO) return
    ratios.push(ratio)
  }
  expect(Math.min(...ratios)).toBeLessThanOrEqual(MAX_RATIO)
}

function microsecondsOf(text: string): number {
  const before = process.threadCpuUsage()
  redactSecretPatterns(text)
  const { user, system } = process.threadCpuUsage(before)
  return user + system
}

test.each([
  ['password: hunter2', 'password: [redacted]'],
  ['{"password":"a","n":12345678901234567890}', '{"password":"[redacted]","n":12345678901234567890}'],
  ['{"pin":123456,"x":1.10}', '{"pin":"[redacted]","x":1.10}'],
  ['user=app,pass=hunter2,ro: denied', 'user=app,pass=[redacted],ro: denied'],
  ['curl -u admin:hunter2 https://api', 'curl -u admin:[redacted] https://api'],
  ['mysql -u root -phunter2 shop', 'mysql -u root -p[redacted] shop'],
  ['https://u:hunter2@h/x?sig=Q2FuYXJ5Q2Fu1&b=1', 'https://u:[redacted]@h/x?sig=[redacted]&b=1'],
])('redacts nothing but the secret: %s', (text, left) => {
  expect(redactSecretPatterns(text)).toBe(left)
})
