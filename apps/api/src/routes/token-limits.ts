import type { RawConfig } from '@rca/core'
import { toMilliseconds } from '@rca/core'
import { distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { type FieldProblem, invalid } from '../http/problem-error.ts'
import type { NewToken, TokenLimits } from '../store/store.ts'
import { instant, toInstant } from './fields.ts'

const DEFAULT_TTL_MS: number = toMilliseconds('24h')
const MAX_TTL_MS: number = toMilliseconds('3650d')
const MAX_USES = 1_000_000_000

/** Options of `config` that the platform reads itself, for every type, as JSON Schema. */
export const TOKEN_OPTIONS = {
  token_ttl: {
    type: ['string', 'integer'],
    description:
      'How long new agents may join with the token: a duration, seconds, or `unlimited`. Agents that joined go on.',
    default: '24h',
    deploymentOnly: true,
  },
  token_uses: {
    type: ['string', 'integer'],
    description:
      'How many agents may join with the token: a whole number, or `unlimited` up to the limit of the platform, which counts the agents of the last day.',
    default: 'unlimited',
    deploymentOnly: true,
  },
} as const

/** Limits of a new token in a response. */
export const limitFields = {
  token_expires_at: instant
    .nullable()
    .describe('Until when new agents may join with the token; `null` for ever. Agents that joined go on.'),
  token_uses: z
    .int()
    .nullable()
    .describe('Number of agents that may join with the token; `null` for the limit of the platform.'),
}

/** Limits of tokens that an earlier version of the platform provisioned. */
export const NO_LIMITS: TokenLimits = { ttlMs: null, uses: null }

type StoredLimits = Pick<NewToken, 'joinable_until' | 'max_agents'>

type TokenOption = keyof typeof TOKEN_OPTIONS

/** Separates the limits of a token from the options of the agent. @throws {ProblemError} 422 */
export function takeTokenLimits(config: RawConfig): { readonly limits: TokenLimits; readonly config: RawConfig } {
  const { token_ttl, token_uses, ...others } = config
  const ttlMs = parseTtl(token_ttl)
  const uses = parseUses(token_uses)
  const problems: FieldProblem[] = []
  if (ttlMs === undefined)
    problems.push({
      pointer: '#/config/token_ttl',
      detail: 'Must be a duration such as 24h or 7d, a number of seconds, or `unlimited`, at most 3650d.',
    })
  if (uses === undefined)
    problems.push({
      pointer: '#/config/token_uses',
      detail: `Must be a whole number from 1 to ${MAX_USES}, or \`unlimited\`.`,
    })
  if (ttlMs === undefined || uses === undefined) throw invalid(problems)
  return { limits: { ttlMs, uses }, config: others }
}

/** Returns the option of {@link TOKEN_OPTIONS} that an unknown name probably means. */
export function nearestTokenOption(name: string): TokenOption | undefined {
  const options = Object.keys(TOKEN_OPTIONS) as TokenOption[]
  return options.find((option) => distance(name.toLowerCase().replaceAll('-', '_'), option) <= 2)
}

/** Returns when the lifetime of a token ends that is created now, and how many agents it admits. */
export function limitsOfToken({ ttlMs, uses }: TokenLimits, now: number): StoredLimits {
  return { joinable_until: ttlMs === null ? null : now + ttlMs, max_agents: uses }
}

export function limitsInAnswer({ joinable_until, max_agents }: StoredLimits) {
  return { token_expires_at: joinable_until === null ? null : toInstant(joinable_until), token_uses: max_agents }
}

/** Returns `undefined` for an invalid value, and `null` for no limit. */
function parseTtl(value: unknown): number | null | undefined {
  if (value === undefined || value === '') return DEFAULT_TTL_MS
  if (value === 'unlimited') return null
  const milliseconds = isWhole(value) ? Number(value) * 1000 : durationOf(value)
  if (milliseconds === undefined || milliseconds > MAX_TTL_MS) return undefined
  return milliseconds === 0 ? null : milliseconds
}

function durationOf(value: unknown): number | undefined {
  try {
    return typeof value === 'string' ? toMilliseconds(value as Parameters<typeof toMilliseconds>[0]) : undefined
  } catch {
    return undefined
  }
}

function parseUses(value: unknown): number | null | undefined {
  if (value === undefined || value === '' || value === 'unlimited') return null
  if (!isWhole(value) || Number(value) > MAX_USES) return undefined
  return Number(value) === 0 ? null : Number(value)
}

function isWhole(value: unknown): boolean {
  return typeof value === 'number' ? Number.isInteger(value) && value >= 0 : /^\d{1,12}$/.test(String(value))
}
