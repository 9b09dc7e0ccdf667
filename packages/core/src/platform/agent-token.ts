import { AgentTokenError } from '../errors/agent-token-error.ts'

/** Validates and trims a token: a file's last newline is not part of it. @throws {AgentTokenError} */
export function parseAgentToken(value: unknown): string {
  if (typeof value !== 'string') throw new AgentTokenError('is missing or not a string')
  if (value.trim() === '') throw new AgentTokenError('is empty')
  const token = value.trim()
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new AgentTokenError(
      'contains a character that tokens cannot contain (white space, a control or non-ASCII character)',
    )
  return token
}
