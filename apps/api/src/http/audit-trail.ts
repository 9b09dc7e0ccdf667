import { redactSecrets } from '@rca/core/connector'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuditEntry } from '../store/records.ts'
import { type AuditStore, foldKey, type NewAuditEntry } from '../store/store.ts'
import type { Caller } from './authentication.ts'
import type { ProblemError } from './problem-error.ts'

/** Refusals and changes by agents wait this long for a request that writes, and are written with it. */
const MIN_WAIT_MS = 1000

/** They are written at last after this time. */
const MAX_WAIT_MS = 60_000

/** Different refusals that wait at most. Refusals of further addresses count as those of one. */
const MAX_WAITING = 1000

/** Time between two removals of old entries. */
const TRIM_INTERVAL_MS = 10 * 60_000

/** Entries between two removals, at most. */
const MAX_ENTRIES_BETWEEN_TRIMS = 5000

const MAX_TEXT_LENGTH = 500

/** Address of refusals that came from too many addresses at once. */
const MANY_ADDRESSES = 'many addresses'

/** Statuses that refuse access. Every route records them. */
const ACCESS_REFUSALS = [401, 403, 429]

/** Problems whose texts are the platform's own, and quote no value of a body. */
const QUOTED_STATUSES = [...ACCESS_REFUSALS, 404, 409]

/** The object of a change: what a handler knows beside the path. */
export type AuditTarget = Partial<Pick<NewAuditEntry, 'environment' | 'agent_type' | 'agent_id' | 'token_name'>>

/** Records changes and refusals: who, from where, what, when, and the outcome. */
export interface AuditTrail {
  /** Writes everything that waits. */
  flush(): Promise<void>
}

interface AuditTrailOptions {
  readonly audit: AuditStore
  readonly now: () => number
  readonly retentionMs: number
}

/** Entries that wait to be written. */
interface AuditQueue extends AuditTrail {
  keep(entry: NewAuditEntry): void
  /** True when entries have waited for long enough. */
  isDue(): boolean
}

function createQueue({ audit, now, retentionMs }: AuditTrailOptions, logFailure: (error: unknown) => void): AuditQueue {
  const waiting = new Map<string, NewAuditEntry>()
  let writing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let waitingSince = 0
  let trimmedAt: number | undefined
  let sinceTrim = 0

  const keep = (entry: NewAuditEntry): void => {
    const isRefusal = entry.status >= 400
    const address = isRefusal && waiting.size >= MAX_WAITING ? MANY_ADDRESSES : entry.address
    const key = isRefusal ? foldKey({ ...entry, address }) : `change ${waiting.size}`
    const equal = waiting.get(key)
    const folded = equal === undefined ? {} : { at: equal.at, count: equal.count + entry.count }
    if (waiting.size === 0) waitingSince = performance.now()
    waiting.set(key, { ...entry, address, ...folded })
    timer ??= setTimeout(() => void flush().catch(logFailure), MAX_WAIT_MS).unref()
  }
  const write = async (): Promise<void> => {
    const entries = [...waiting.values()]
    if (entries.length === 0) return
    waiting.clear()
    try {
      await audit.record(entries)
    } catch (error) {
      for (const entry of entries) keep(entry)
      throw error
    }
    sinceTrim += entries.length
    const at = now()
    if (trimmedAt !== undefined && at < trimmedAt + TRIM_INTERVAL_MS && sinceTrim < MAX_ENTRIES_BETWEEN_TRIMS) return
    trimmedAt = at
    sinceTrim = 0
    await audit.trim(at - retentionMs)
  }
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    writing = writing.catch(() => undefined).then(write)
    return writing
  }
  return { keep, flush, isDue: () => waiting.size > 0 && performance.now() - waitingSince > MIN_WAIT_MS }
}

/**
 * Adds an entry for every change before it is answered, so that no change is acknowledged without its entry. Refusals
 * wait for a later request that writes, since a refusal must stay cheap.
 */
export function createAuditTrail(app: FastifyInstance, options: AuditTrailOptions): AuditTrail {
  const logFailure = (error: unknown): void =>
    app.log.error({ err: error }, 'audit entries not stored: retrying with the next')
  const { keep, flush, isDue } = createQueue(options, logFailure)
  app.decorateRequest('problem')
  app.decorateRequest('auditTarget')
  app.addHook('onSend', async (request, { statusCode: status }) => {
    if (request.is404 || request.audited === true) return
    const isChange = changesAccess(request)
    if (isChange || ACCESS_REFUSALS.includes(status)) {
      request.audited = true
      keep(toEntry(request, status, options.now()))
    }
    if (status >= 400 || isReading(request)) return
    if (isChange && request.caller.kind !== 'agent') await flush()
    else if (isDue()) await flush().catch(logFailure)
  })
  app.addHook('onClose', async () => flush().catch(logFailure))
  return { flush }
}

/** Requests whose log has the fields of their sender. */
const described = new WeakSet<FastifyRequest>()

/** Adds the sender of a request to its log: the name of its token, never the token, and the address. Idempotent. */
export function logSender(request: FastifyRequest): void {
  if (described.has(request)) return
  described.add(request)
  request.log = request.log.child({ caller: nameOf(request.caller), address: request.ip })
}

/** True for the requests that change who may do what: all that are not the agents', and those that declare it. */
export function changesAccess(request: FastifyRequest): boolean {
  const { config } = request.routeOptions
  return !isReading(request) && (config.access === 'agent' ? config.audited === true : config.access !== 'public')
}

function isReading({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

function nameOf(caller: Caller | undefined): string {
  if (caller?.kind === 'access') return `access token ${caller.token.id} (${caller.token.name})`
  if (caller?.kind === 'agent') return `agent ${caller.credential.kind} ${caller.credential.id}`
  return caller?.kind === 'admin' ? 'admin token' : 'unknown'
}

function toEntry(request: FastifyRequest, status: number, at: number): NewAuditEntry {
  const { caller, ip, problem } = request
  const { schema, url, method } = request.routeOptions as {
    schema?: { operationId?: string }
    url: string
    method: string
  }
  return {
    at,
    last_at: at,
    count: 1,
    outcome: outcomeOf(status),
    status,
    ...actorOf(caller, problem),
    address: ip,
    action: schema?.operationId ?? `${method} ${url}`,
    environment: null,
    agent_type: null,
    agent_id: null,
    token_name: null,
    ...targetOf(request),
    detail: problem !== undefined && QUOTED_STATUSES.includes(status) ? toText(problem.message) : null,
  }
}

function outcomeOf(status: number): AuditEntry['outcome'] {
  if (status < 400) return 'done'
  return status < 500 ? 'refused' : 'failed'
}

function actorOf(
  caller: Caller,
  problem: ProblemError | undefined,
): Pick<NewAuditEntry, 'actor' | 'actor_id' | 'actor_name'> {
  if (caller.kind === 'admin') return { actor: 'admin', actor_id: null, actor_name: null }
  if (caller.kind === 'access')
    return { actor: 'access_token', actor_id: caller.token.id, actor_name: caller.token.name }
  if (caller.kind === 'agent')
    return { actor: `agent_${caller.credential.kind}`, actor_id: caller.credential.id, actor_name: null }
  return { actor: 'unknown', actor_id: null, actor_name: problem?.logFields.credential ?? null }
}

/** Returns the object of a request, from its path, its body, the agent's token, and the handler. */
function targetOf({ caller, params, body, auditTarget, url }: FastifyRequest): AuditTarget {
  const { name, agent_id } = (params ?? {}) as { name?: string; agent_id?: string }
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const target = {
    environment: given.environment_name,
    agent_type: given.agent_type,
    agent_id: agent_id ?? given.agent_id,
    ...(caller.kind === 'agent' && { environment: caller.credential.environment }),
    ...(url.startsWith('/api/v1/access-tokens') ? { token_name: name ?? given.name } : name && { environment: name }),
    ...auditTarget,
  }
  const texts = Object.entries(target).filter(([, value]) => typeof value === 'string' && value !== '')
  return Object.fromEntries(texts.map(([field, value]) => [field, toText(value as string)]))
}

/** Texts of a refused request are whatever its sender wrote, such as a token in the place of a name. */
function toText(text: string): string {
  return redactSecrets(text.slice(0, MAX_TEXT_LENGTH))
}
