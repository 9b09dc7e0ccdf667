import { describe, expect, test } from 'vitest'
import { AgentTokenError } from '../errors/agent-token-error.ts'
import { parseAgentToken } from './agent-token.ts'

describe('parseAgentToken', () => {
  test('trims a token', () => {
    expect(parseAgentToken(' agent_prod_4f2a!~\r\n')).toBe('agent_prod_4f2a!~')
  })

  test.each([undefined, null, 5, {}])('rejects %j', (value) => {
    expect(() => parseAgentToken(value)).toThrow('`agentToken` is missing or not a string')
  })

  test.each(['', ' \n'])('rejects %j', (value) => {
    expect(() => parseAgentToken(value)).toThrow('`agentToken` is empty')
  })

  test.each(['agent prod', 'agent\nprod', 'agent\u0000prod', 'agént', 'agent\u200bprod'])(
    'a token that no header can carry is refused without being shown',
    (token) => {
      expect(() => parseAgentToken(token)).toThrow(AgentTokenError)
      try {
        parseAgentToken(token)
      } catch (error) {
        expect(String(error)).not.toContain(token)
      }
    },
  )
})
