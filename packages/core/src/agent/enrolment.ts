import { waitAfter } from '../backoff.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import { type AccessQuery, type AgentKey, agentKeySchema, type EnrollRequest } from '../platform/protocol.ts'
import type { StateStore } from '../state/state-store.ts'

/** An older platform has no enrolment, and may be upgraded while the agent runs. */
const UNSUPPORTED_RETRY_MS = 3_600_000

/** Interval between attempts to replace a key: a third of its life is left for them. */
const ROTATION_RETRY_MS = 60_000

/** Statuses of a platform that does not know the route or the request. */
const UNSUPPORTED_STATUSES = new Set([400, 404, 405, 422, 501])

export interface EnrolmentOptions {
  readonly client: Pick<PlatformClient, 'enroll' | 'rotateKey' | 'useKey' | 'usesKey' | 'isKeyRefused' | 'onKeyRefused'>
  /** Returns what keeps the key between runs. Without it, the agent does not enrol. */
  readonly state: () => StateStore | undefined
  /** Returns false for a standby that shares its key with the leader. @default true */
  readonly mayRotate?: () => boolean
  readonly log: Logger
  /** Adds a secret to those that are redacted. */
  readonly addSecret: (secret: string) => void
  /** Returns the agent in the request, `undefined` until its id is known. */
  readonly describe: () => EnrollRequest | undefined
  /** Milliseconds of a clock that is never set. @default performance.now */
  readonly now?: () => number
}

export type Enrolment = ReturnType<typeof createEnrolment>

/** The platform's answer to whether it accepts an agent. */
export interface AccessCheck {
  /** `undefined` if the platform did not say: it is unreachable, overloaded or older. */
  readonly accepted: boolean | undefined
  /** True if the agent has a key of its own. */
  readonly enrolled: boolean
  /** When the key expires, ISO 8601. */
  readonly keyExpiresAt?: string
  /** Why the agent is not accepted, or why this is not known. */
  readonly reason?: string
}

/**
 * Exchanges the token for a key of this agent alone, keeps it in the state and replaces it before it expires. The agent
 * works with the token while it has no key: on an older platform, without a state, and when the key is refused.
 */
export function createEnrolment(options: EnrolmentOptions) {
  const { client, state, log, describe, mayRotate = () => true, now = () => performance.now() } = options
  const keys = createSavedKey(options)
  let enrollFrom = 0
  let rotateFrom = 0
  let running: Promise<void> | undefined

  const enroll = async (request: EnrollRequest, signal: AbortSignal | undefined): Promise<void> => {
    try {
      const key = await client.enroll(request, signal)
      if (await keys.adopt(request.agent_id, key))
        log.info({ expires_at: key.expires_at }, 'enrolled: the agent uses a key of its own')
      else enrollFrom = now() + UNSUPPORTED_RETRY_MS
    } catch (error) {
      if (signal?.aborted === true) return
      const isUnsupported = error instanceof PlatformError && UNSUPPORTED_STATUSES.has(error.status ?? 0)
      const asked = error instanceof PlatformError ? error.retryAfter : undefined
      if (isUnsupported) enrollFrom = now() + UNSUPPORTED_RETRY_MS
      else if (asked !== undefined) enrollFrom = now() + waitAfter(asked)
      log[isUnsupported ? 'info' : 'debug']({ error: reasonOf(error) }, 'not enrolled: the agent uses its token')
    }
  }
  const prepare = async (signal: AbortSignal | undefined): Promise<void> => {
    const request = describe()
    if (state() === undefined || request === undefined) return
    await keys.load(request.agent_id)
    if (!client.usesKey() && now() >= enrollFrom) await enroll(request, signal)
  }
  const rotate = async (signal: AbortSignal | undefined): Promise<void> => {
    const request = describe()
    if (request === undefined || !client.usesKey() || !mayRotate() || now() < rotateFrom) return
    rotateFrom = now() + ROTATION_RETRY_MS
    const { agent_id, agent_type } = request
    try {
      const key = await client.rotateKey({ agent_id, agent_type }, signal)
      if (await keys.adopt(agent_id, key)) log.info({ expires_at: key.expires_at }, 'key replaced')
    } catch (error) {
      if (signal?.aborted !== true) log.warn({ error: reasonOf(error) }, 'key not replaced, retrying')
    }
  }
  const load = async (): Promise<void> => {
    const request = describe()
    if (request !== undefined) await keys.load(request.agent_id)
  }
  const reload = async (): Promise<void> => {
    const request = describe()
    if (request !== undefined) await keys.reload(request.agent_id)
  }
  /** Runs one exchange at a time: heartbeats may overlap. */
  const exclusively = (run: () => Promise<void>): Promise<void> => {
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
  client.onKeyRefused(() => exclusively(reload))

  return {
    /** Reads the saved key, and enrols if there is none. Called before every heartbeat. Never rejects. */
    prepare: (signal?: AbortSignal): Promise<void> => exclusively(() => prepare(signal)),
    /** Replaces the key. Called when the platform asks for it. Never rejects. */
    rotate: (signal?: AbortSignal): Promise<void> => exclusively(() => rotate(signal)),
    /** Reads the saved key without enrolling. Never rejects. */
    load: (): Promise<void> => exclusively(load),
    /** Returns when the key in use expires, `undefined` while the agent uses its token. */
    keyExpiresAt: () => (client.usesKey() ? keys.expiresAt() : undefined),
  }
}

/** Keeps the agent's key in the state, and gives it to the client. */
function createSavedKey({ client, state, log, addSecret }: EnrolmentOptions) {
  /** Store that was read, and the agent's id. */
  let source: { readonly store: StateStore; readonly agentId: string } | undefined
  let key: AgentKey | undefined
  let isUnreadable = false

  const use = (next: AgentKey): void => {
    addSecret(next.agent_key)
    client.useKey(next.agent_key)
    key = next
  }
  const read = async (store: StateStore, agentId: string): Promise<AgentKey | undefined> => {
    try {
      const saved = await readKey(store, agentId)
      isUnreadable = false
      return saved
    } catch (error) {
      if (!isUnreadable) log.warn({ error: reasonOf(error) }, 'saved key not readable: the agent enrols again')
      isUnreadable = true
      return undefined
    }
  }

  /** Uses the saved key if it is another one. Never rejects. */
  const reload = async (agentId: string): Promise<void> => {
    const store = state()
    const saved = store === undefined ? undefined : await read(store, agentId)
    if (saved !== undefined && saved.agent_key !== key?.agent_key) use(saved)
  }

  return {
    expiresAt: () => key?.expires_at,
    /** Uses the saved key of this agent. Reads it again while there is none, or it is refused. Never rejects. */
    load: async (agentId: string): Promise<void> => {
      const store = state()
      if (store === undefined) return
      const isSame = source?.store === store && source.agentId === agentId
      if (isSame && client.usesKey() && !client.isKeyRefused()) return
      if (!isSame) {
        source = { store, agentId }
        key = undefined
        client.useKey(undefined)
      }
      await reload(agentId)
    },
    reload,
    /** Saves a key and then uses it. Returns false if it cannot be saved: every start would need another one. */
    adopt: async (agentId: string, next: AgentKey): Promise<boolean> => {
      addSecret(next.agent_key)
      try {
        await state()?.write(stateKey(agentId), JSON.stringify(next), { durable: true })
      } catch (error) {
        log.warn({ error: reasonOf(error) }, 'key not saved: the agent goes on without it')
        return false
      }
      use(next)
      return true
    },
  }
}

/** Asks the platform whether it accepts an agent. Stores nothing; never rejects. */
export async function checkAccess(
  client: Pick<PlatformClient, 'checkAccess' | 'usesKey'>,
  query: AccessQuery,
  signal: AbortSignal,
): Promise<AccessCheck> {
  try {
    const { key_expires_at: keyExpiresAt } = await client.checkAccess(query, signal)
    return {
      accepted: true,
      enrolled: keyExpiresAt !== undefined,
      ...(keyExpiresAt === undefined ? {} : { keyExpiresAt }),
    }
  } catch (error) {
    const accepted = error instanceof PlatformError && error.refusedToken ? false : undefined
    return { accepted, enrolled: client.usesKey(), reason: reasonOf(error) }
  }
}

/** Agents that share a state directory have separate keys. */
function stateKey(agentId: string): string {
  return `key-${agentId}`
}

/** Returns `undefined` if no valid key is saved. @throws what the state store throws */
async function readKey(state: StateStore, agentId: string): Promise<AgentKey | undefined> {
  const saved = await state.read(stateKey(agentId))
  if (saved === undefined) return undefined
  try {
    return agentKeySchema.parse(JSON.parse(saved))
  } catch {
    // The parser's message contains a part of the text.
    throw new Error('the file does not hold a key')
  }
}
