import { describe, expect, test } from 'vitest'
import { findMisspeltVariables } from './misspelt-variables.ts'

const KNOWN = ['HOST', 'PORT', 'DATABASE_URL', 'LOG_LEVEL', 'RCA_TOKEN_GRACE', 'RCA_RATE_LIMIT', 'RCA_RETENTION']

describe('findMisspeltVariables', () => {
  test.each([
    ['RCA_TOKEN_GRASE', 'RCA_TOKEN_GRACE'],
    ['RCA_TOKENGRACE', 'RCA_TOKEN_GRACE'],
    ['RCA_RATE_LIMITS', 'RCA_RATE_LIMIT'],
    ['RCA_PORT', 'PORT'],
    ['RCA_DATABASE_URL', 'DATABASE_URL'],
    ['RCA_LOGLEVEL', 'LOG_LEVEL'],
  ])('suggests for %s the option %s', (variable, suggestion) => {
    expect(findMisspeltVariables(['PATH', variable], KNOWN)).toEqual([{ variable, suggestion }])
  })

  test.each(['RCA_TOKEN_GRACE', 'RCA_STATE_DIR', 'RCA_HEALTH_PORT', 'RCA_API_SERVICE_HOST', 'TOKEN_GRASE', 'RCA_'])(
    'ignores %s',
    (name) => {
      expect(findMisspeltVariables([name], KNOWN)).toEqual([])
    },
  )
})
