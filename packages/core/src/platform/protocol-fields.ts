import { z } from 'zod'

/**
 * Maximum lengths in UTF-16 code units, and of lists. `signal` is the size of one signal's JSON in bytes; `values`
 * counts its attributes and the elements of their lists. The agent truncates or omits more; the platform refuses it.
 */
export const LIMITS = {
  name: 256,
  identifier: 1024,
  attribute: 32_768,
  attributes: 128,
  element: 4096,
  elements: 256,
  values: 2048,
  signal: 262_144,
  collectors: 256,
  body: 65_536,
  reason: 4096,
  unit: 64,
  relations: 4096,
} as const

/** Names of signals, types and attributes. */
export const name = z.string().min(1).max(LIMITS.name)
/** Identifiers of entities: container ids, mount points, paths. */
export const identifier = z.string().min(1).max(LIMITS.identifier)
/** A time. */
export const timestampSchema = z.iso.datetime().describe('ISO 8601, UTC.')
/** Provisional id of an agent. */
export const replacesAgentId = z
  .uuid()
  .optional()
  .describe('Provisional id that the agent used before it was connected.')
