import type { Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import { CLONE_TIMEOUT_MS } from '../store.ts'
import type { ReportStamp } from './signal-writers.ts'

/** A gap that the platform finds itself, unlike those of reports. */
export interface PlatformGap extends Pick<Tables['gaps'], 'scope' | 'reason' | 'since'> {
  /** Sequences of reports that did not arrive. */
  readonly missing?: { readonly first: number; readonly last: number }
}

/** Stores a gap, which is open until a report with a later revision than `revision`. */
export async function writePlatformGap(
  transaction: Transaction<Tables>,
  { agent, at, revision }: ReportStamp,
  { scope, reason, since, missing }: PlatformGap,
): Promise<void> {
  const state = {
    reason,
    last_reported_at: at,
    revision,
    first_missing: missing?.first ?? null,
    last_missing: missing?.last ?? null,
  }
  await transaction
    .insertInto('gaps')
    .values({ agent_key: agent, scope, since, ...state })
    .onConflict((conflict) => conflict.columns(['agent_key', 'scope', 'since']).doUpdateSet(state))
    .execute()
}

/** Stores that the clock of an agent is behind, since its data seemed old before this was noticed. */
export async function writeClockGap(
  transaction: Transaction<Tables>,
  stamp: ReportStamp,
  { behindMs, wasBehind }: { readonly behindMs: number; readonly wasBehind: boolean },
): Promise<void> {
  const scope = 'clock'
  const last = wasBehind ? await findNewest(transaction, stamp.agent, scope) : undefined
  const reason = `The clock of the agent is ${inWords(behindMs)} behind. Its times are corrected. Set its clock.`
  await writePlatformGap(transaction, stamp, { scope, reason, since: last?.since ?? stamp.at })
}

/** Stores that several processes are one agent in turn. @param since start of the gap, unless it goes on */
export async function writeCloneGap(
  transaction: Transaction<Tables>,
  stamp: ReportStamp,
  since: number = stamp.at,
): Promise<void> {
  const scope = 'clones'
  const last = await findNewest(transaction, stamp.agent, scope)
  const goesOn = last !== undefined && last.last_reported_at + CLONE_TIMEOUT_MS > stamp.at
  const reason =
    'Several processes are this agent in turn, and their data is mixed: see `cloned` of the agent. Give a cloned machine a machine id of its own and an empty state directory.'
  await writePlatformGap(transaction, stamp, { scope, reason, since: goesOn ? last.since : since })
}

/** Stores a gap, which goes on if it was open before. @param revisionBefore revision of the newest report before */
export async function writeLastingGap(
  transaction: Transaction<Tables>,
  stamp: ReportStamp,
  gap: Pick<PlatformGap, 'scope' | 'reason'>,
  revisionBefore: number,
): Promise<void> {
  const last = await findNewest(transaction, stamp.agent, gap.scope)
  const wasOpen = last !== undefined && last.revision >= revisionBefore
  await writePlatformGap(transaction, stamp, { ...gap, since: wasOpen ? last.since : stamp.at })
}

async function findNewest(
  transaction: Transaction<Tables>,
  agent: number,
  scope: string,
): Promise<Pick<Tables['gaps'], 'since' | 'last_reported_at' | 'revision'> | undefined> {
  return transaction
    .selectFrom('gaps')
    .select(['since', 'last_reported_at', 'revision'])
    .where('agent_key', '=', agent)
    .where('scope', '=', scope)
    .orderBy('since', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Formats a duration as seconds, minutes, hours or days. */
export function inWords(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 120) return `${seconds} seconds`
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `${minutes} minutes`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`
}
