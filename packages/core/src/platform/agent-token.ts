import { AgentTokenError } from '../errors/agent-token-error.ts'

/** Checks that a token can be sent in a header. White space around it (a file's last newline) is dropped. @throws {AgentTokenError} */
export function parseAgentToken(value: unknown): string {
  if (typeof value !== 'string') throw new AgentTokenError('is missing or no text')
  if (value.trim() === '') throw new AgentTokenError('is empty')
  const token = value.trim()
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new AgentTokenError('contains a character that no token has (white space, a control or non-ASCII character)')
  return token
}
