import { isAbsolute, resolve } from 'node:path'
import { duration, parsePlatformUrl, toMilliseconds } from '@rca/core'
import { z } from 'zod'
import { DATABASE_URL_PATTERN, databasePath } from '../store/database-url.ts'
import { type ApiOptions, DEFAULT_DATABASE_URL, OptionsError } from './api-options.ts'
import { findMisspeltVariables } from './misspelt-variables.ts'
import { parseTrustProxy } from './trust-proxy.ts'

const wholeNumber = (min: number, max: number) =>
  z.coerce.number(`write a whole number from ${min} to ${max}`).int().min(min).max(max)

/** Several heartbeats have to fit into the last third of a key's life, in which it is replaced. */
const MIN_KEY_TTL_MS = toMilliseconds('10m')
const MAX_KEY_TTL_MS = toMilliseconds('3650d')

const absolutePath = z.string().refine(isAbsolute, 'write an absolute path')

/** The environment variable of each option. */
const VARIABLES = {
  host: ['HOST', z.string()],
  port: ['PORT', wholeNumber(0, 65_535)],
  adminToken: ['RCA_ADMIN_TOKEN', z.string().regex(/^[\x21-\x7e]+$/, 'use printable ASCII characters without spaces')],
  databaseUrl: [
    'DATABASE_URL',
    z
      .string()
      .regex(
        DATABASE_URL_PATTERN,
        'write `sqlite:<path>`, such as sqlite:./rca.sqlite; no other database is supported yet',
      ),
  ],
  tlsCert: ['RCA_TLS_CERT', absolutePath],
  tlsKey: ['RCA_TLS_KEY', absolutePath],
  connectorsFolder: ['RCA_CONNECTORS', z.string()],
  publicUrl: [
    'RCA_PUBLIC_URL',
    z.string().refine(isPlatformUrl, 'write the address that agents reach, such as https://rca.example.com'),
  ],
  agentFolder: ['RCA_AGENT_FOLDER', absolutePath],
  artifactsFolder: ['RCA_ARTIFACTS_DIR', absolutePath],
  heartbeatInterval: ['RCA_HEARTBEAT_INTERVAL', duration()],
  tokenGrace: ['RCA_TOKEN_GRACE', duration()],
  agentKeyTtl: [
    'RCA_AGENT_KEY_TTL',
    duration().refine(
      (text) => toMilliseconds(text) >= MIN_KEY_TTL_MS && toMilliseconds(text) <= MAX_KEY_TTL_MS,
      'write a duration from 10m to 3650d, such as 30d',
    ),
  ],
  retention: ['RCA_RETENTION', duration()],
  auditRetention: ['RCA_AUDIT_RETENTION', duration()],
  rateLimit: ['RCA_RATE_LIMIT', wholeNumber(1, 1_000_000_000)],
  rateLimitUnauthenticated: ['RCA_RATE_LIMIT_UNAUTHENTICATED', wholeNumber(1, 1_000_000_000)],
  trustProxy: [
    'RCA_TRUST_PROXY',
    z.string().transform((text, context) => {
      const trust = parseTrustProxy(text)
      if (trust === undefined)
        context.addIssue(
          'write the addresses of the proxies, such as 10.0.0.0/8 or 192.0.2.1,192.0.2.2, their number, `true` or `false`',
        )
      return trust ?? z.NEVER
    }),
  ],
  bodyLimit: ['RCA_BODY_LIMIT', wholeNumber(1024, 1_073_741_824)],
  bodyLimitDecoded: ['RCA_BODY_LIMIT_DECODED', wholeNumber(1024, 1_073_741_824)],
  bodyTimeout: ['RCA_BODY_TIMEOUT', duration()],
  maxConcurrentRequests: ['RCA_MAX_CONCURRENT_REQUESTS', wholeNumber(1, 100_000)],
  maxSeriesPerAgent: ['RCA_MAX_SERIES_PER_AGENT', wholeNumber(1, 1_000_000_000)],
  maxEntitiesPerAgent: ['RCA_MAX_ENTITIES_PER_AGENT', wholeNumber(1, 1_000_000_000)],
  maxStateBytesPerAgent: ['RCA_MAX_STATE_BYTES_PER_AGENT', wholeNumber(1, 1_000_000_000_000)],
  maxEventsPerMinute: ['RCA_MAX_EVENTS_PER_MINUTE', wholeNumber(1, 1_000_000_000)],
  maxAgentsPerToken: ['RCA_MAX_AGENTS_PER_TOKEN', wholeNumber(1, 1_000_000_000)],
  readThreads: ['RCA_READ_THREADS', wholeNumber(0, 64)],
  maxConcurrentReads: ['RCA_MAX_CONCURRENT_READS', wholeNumber(1, 10_000)],
  readTimeout: ['RCA_READ_TIMEOUT', duration()],
  maxPointsScanned: ['RCA_MAX_POINTS_SCANNED', wholeNumber(1000, 1_000_000_000_000)],
} satisfies { [Option in keyof ApiOptions]: readonly [variable: string, z.ZodType<ApiOptions[Option]>] }

const environmentSchema = z.object({
  ...Object.fromEntries(Object.values(VARIABLES).map(([variable, schema]) => [variable, schema.optional()])),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

/** Settings read from the process's environment. */
export interface EnvironmentSettings {
  readonly options: ApiOptions
  readonly logLevel: string
  /** Variables that are not options and were probably meant as one. */
  readonly misspelt: ReturnType<typeof findMisspeltVariables>
}

/**
 * Reads the options from environment variables. Empty variables count as absent. npm and pnpm change the working
 * directory and pass the user's own in `INIT_CWD`: relative paths are resolved from there.
 *
 * @throws {OptionsError} naming every variable that cannot be used, without its value.
 */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): EnvironmentSettings {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  )
  const result = environmentSchema.safeParse(given)
  if (!result.success)
    throw new OptionsError(
      result.error.issues.map((issue) => `\`${issue.path.join('.')}\`: ${issue.message}`).join('; '),
    )
  const values: Record<string, unknown> = result.data
  const options: ApiOptions = Object.fromEntries(
    Object.entries(VARIABLES)
      .map(([option, [variable]]) => [option, values[variable]])
      .filter(([, value]) => value !== undefined),
  )
  const { connectorsFolder } = options
  const databaseUrl = `sqlite:${databasePath(options.databaseUrl ?? DEFAULT_DATABASE_URL, given.INIT_CWD)}`
  return {
    logLevel: result.data.LOG_LEVEL,
    options: {
      ...options,
      databaseUrl,
      ...(connectorsFolder === undefined ? {} : { connectorsFolder: resolve(given.INIT_CWD ?? '', connectorsFolder) }),
    },
    misspelt: findMisspeltVariables(Object.keys(given), Object.keys(environmentSchema.shape)),
  }
}

function isPlatformUrl(text: string): boolean {
  try {
    parsePlatformUrl(text)
    return true
  } catch {
    return false
  }
}
