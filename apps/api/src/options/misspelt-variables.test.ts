import { expect, it } from 'vitest'
import { describeMisspelt } from './misspelt-variables.ts'

const KNOWN = ['HOST', 'PORT', 'DATABASE_URL', 'LOG_LEVEL', 'RCA_TOKEN_GRACE', 'RCA_RATE_LIMIT', 'RCA_RETENTION']

it.each([
  ['RCA_TOKEN_GRASE', 'RCA_TOKEN_GRACE'],
  ['RCA_TOKENGRACE', 'RCA_TOKEN_GRACE'],
  ['RCA_RATE_LIMITS', 'RCA_RATE_LIMIT'],
  ['RCA_PORT', 'PORT'],
  ['RCA_DATABASE_URL', 'DATABASE_URL'],
  ['RCA_LOGLEVEL', 'LOG_LEVEL'],
])('%s is taken for %s', (name, meant) => {
  expect(describeMisspelt(['PATH', name], KNOWN)).toEqual([`\`${name}\` is not read. Did you mean \`${meant}\`?`])
})

it.each(['RCA_TOKEN_GRACE', 'RCA_STATE_DIR', 'RCA_HEALTH_PORT', 'RCA_API_SERVICE_HOST', 'TOKEN_GRASE', 'RCA_'])(
  '%s is left alone',
  (name) => {
    expect(describeMisspelt([name], KNOWN)).toEqual([])
  },
)
