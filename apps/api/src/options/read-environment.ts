import { isAbsolute } from 'node:path'
import { duration, parsePlatformUrl } from '@rca/core'
import { z } from 'zod'
import { sentence } from '../sentence.ts'
import { DATABASE_URL_PATTERN, databasePath } from '../store/open-store.ts'
import { type ApiOptions, DEFAULT_DATABASE_URL } from './api-options.ts'
import { describeMisspelt } from './misspelt-variables.ts'
import { OptionsError } from './options-error.ts'
import { parseTrustProxy } from './trust-proxy.ts'

const whole = (least: number, most: number) =>
  z.coerce.number(`write a whole number from ${least} to ${most}`).int().min(least).max(most)

const environmentSchema = z.object({
  HOST: z.string().optional(),
  PORT: whole(0, 65_535).optional(),
  RCA_ADMIN_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'use printable ASCII characters without spaces')
    .optional(),
  DATABASE_URL: z
    .string()
    .regex(
      DATABASE_URL_PATTERN,
      'write `sqlite:<path>`, such as sqlite:./rca.sqlite; no other database is supported yet',
    )
    .optional(),
  RCA_PUBLIC_URL: z
    .string()
    .refine(isPlatformUrl, 'write the address that agents reach, such as https://rca.example.com')
    .optional(),
  RCA_AGENT_FOLDER: z.string().refine(isAbsolute, 'write an absolute path').optional(),
  RCA_HEARTBEAT_INTERVAL: duration().optional(),
  RCA_TOKEN_GRACE: duration().optional(),
  RCA_RETENTION: duration().optional(),
  RCA_RATE_LIMIT: whole(1, 1_000_000_000).optional(),
  RCA_RATE_LIMIT_UNAUTHENTICATED: whole(1, 1_000_000_000).optional(),
  RCA_TRUST_PROXY: z
    .string()
    .refine(
      (text) => parseTrustProxy(text) !== undefined,
      'write the addresses of the proxies, such as 10.0.0.0/8 or 192.0.2.1,192.0.2.2, their number, `true` or `false`',
    )
    .transform(parseTrustProxy)
    .optional(),
  RCA_BODY_LIMIT: whole(1024, 1_073_741_824).optional(),
  RCA_BODY_LIMIT_DECODED: whole(1024, 1_073_741_824).optional(),
  RCA_BODY_TIMEOUT: duration().optional(),
  RCA_MAX_CONCURRENT_REQUESTS: whole(1, 100_000).optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

/** What the process's environment says. */
export interface EnvironmentSettings {
  readonly options: ApiOptions
  readonly logLevel: string
  /** Variables that were probably meant to be read, a sentence for each. */
  readonly warnings: readonly string[]
}

/**
 * Reads the options from environment variables. Empty variables count as absent. npm and pnpm change the working directory
 * and say in `INIT_CWD` where the user stands: a relative path of the database is meant from there.
 *
 * @throws {OptionsError} naming every variable that cannot be used; values are not repeated.
 */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): EnvironmentSettings {
  const written = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  )
  const result = environmentSchema.safeParse(written)
  if (!result.success)
    throw new OptionsError(
      result.error.issues.map((issue) => `\`${issue.path.join('.')}\`: ${sentence(issue.message)}`).join(' '),
    )
  const { LOG_LEVEL: logLevel, ...said } = result.data
  const options = {
    host: said.HOST,
    port: said.PORT,
    adminToken: said.RCA_ADMIN_TOKEN,
    databaseUrl: `sqlite:${databasePath(said.DATABASE_URL ?? DEFAULT_DATABASE_URL, written.INIT_CWD)}`,
    publicUrl: said.RCA_PUBLIC_URL,
    agentFolder: said.RCA_AGENT_FOLDER,
    heartbeatInterval: said.RCA_HEARTBEAT_INTERVAL,
    tokenGrace: said.RCA_TOKEN_GRACE,
    retention: said.RCA_RETENTION,
    rateLimit: said.RCA_RATE_LIMIT,
    rateLimitUnauthenticated: said.RCA_RATE_LIMIT_UNAUTHENTICATED,
    trustProxy: said.RCA_TRUST_PROXY,
    bodyLimit: said.RCA_BODY_LIMIT,
    bodyLimitDecoded: said.RCA_BODY_LIMIT_DECODED,
    bodyTimeout: said.RCA_BODY_TIMEOUT,
    maxConcurrentRequests: said.RCA_MAX_CONCURRENT_REQUESTS,
  }
  return {
    logLevel,
    options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    warnings: describeMisspelt(Object.keys(written), Object.keys(environmentSchema.shape)),
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
