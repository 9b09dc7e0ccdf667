import { describe, expect, test } from 'vitest'
import { redactSecrets } from './redact-secrets.ts'

const CANARY = 'c4n4ry-S3cret.value'

describe('takes out', () => {
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
  ])('%j', (text) => {
    const redacted = redactSecrets(text)
    expect(redacted).not.toMatch(/c4n4ry|S3cret|AKIA/)
    expect(redacted).toContain('[redacted]')
    expect(redactSecrets(redacted)).toBe(redacted)
  })
})

test('leaves what tells of the failure', () => {
  const log = `2026-11-24T10:00:00Z ERROR connect ECONNREFUSED 10.0.0.3:5432
at https://example.com:8080/path?page=2 keyboard=us tokens: 3 left
GET /login 401 in 12 ms, user=app, sha256:0d1e2f`
  expect(redactSecrets(log)).toBe(log)
  expect(redactSecrets('postgres://app:hunter2@db:5432/app refused')).toBe(
    'postgres://app:[redacted]@db:5432/app refused',
  )
})

test('takes out escape sequences and control characters, and keeps lines', () => {
  expect(redactSecrets('\u001b[31mred\u001b[0m\u0007\tone\r\ntwo')).toBe('red\tone\r\ntwo')
})

test.each([
  ['x'.repeat(200_000)],
  ['password'.repeat(20_000)],
  ['a://'.repeat(50_000)],
  ['-----BEGIN PRIVATE KEY-----'.repeat(5_000)],
  ['eyJ'.repeat(60_000)],
  ['AAAA\n-----END PRIVATE KEY-----\n'.repeat(5_000)],
  ['token="'.repeat(20_000)],
  ['a.'.repeat(100_000)],
  ['\u001b['.repeat(50_000)],
])('is soon done with a long text: %.12s', (text) => {
  // What grew with the square of the length would run into the test's time limit.
  expect(redactSecrets(text.repeat(5)).length).toBeGreaterThan(0)
})
