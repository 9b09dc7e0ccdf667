import type { Generated } from 'kysely'

/** The store's tables. Times are milliseconds since 1970; JSON is text. */
export interface Tables {
  environments: { name: string; created_at: number }
  /** What was asked for: a type of agent in an environment. `config` holds no secrets. */
  provisions: { environment: string; agent_type: string; config: string; withheld: string; created_at: number }
  tokens: {
    id: Generated<number>
    environment: string
    agent_type: string
    /** SHA-256, hexadecimal. */
    hash: string
    created_at: number
    expires_at: number | null
    revoked_at: number | null
    last_used_at: number | null
  }
  agents: {
    key: Generated<number>
    environment: string
    agent_type: string
    agent_id: string
    agent_version: string
    name: string | null
    started_at: number | null
    first_seen_at: number
    last_seen_at: number
    last_heartbeat_at: number | null
    /** Time of the newest report. */
    last_report_at: number | null
    /** By how many milliseconds its reports were last dated too far ahead. */
    clock_offset: Generated<number>
    /** The newest report. A gap that it does not name is closed. */
    newest_revision: Generated<number>
    newest_sequence: Generated<number>
    newest_report_id: Generated<string>
    /** Of the newest report, where instances of the agent elect the one that reports. */
    newest_lead: Generated<string>
    /** 1 as long as it has said nothing but that it cannot connect. */
    provisional: Generated<number>
    /** 1 as long as only instances that stand by have called. */
    standing_by: Generated<number>
    interval_seconds: number | null
    collectors: string | null
    outbox: string | null
  }
  /** Processes that watch the same thing, of which one reports: what each last said of itself. */
  agent_instances: {
    agent_key: number
    instance_id: string
    /** At most one is `leader`. */
    role: string
    started_at: number
    agent_version: string
    collectors: string
    outbox: string
    last_heartbeat_at: number
    interval_seconds: number
  }
  /** Times for which an instance led: see `lead-order.ts`. */
  agent_leads: {
    agent_key: number
    lead_id: string
    /** Of its newest report. */
    revision: number
    sequence: number
    /** Once another lead has followed: no report of this one gets a higher revision. */
    ceiling: number | null
    /** When its last report arrived. */
    last_report_at: number
  }
  /** Parts of snapshots that have arrived, while others have not. */
  snapshot_parts: {
    agent_key: number
    /** `report_id` of the first part. */
    first_id: string
    number: number
    /** 1 for the one after which none follows. */
    last: number
    /** Of the report that it was. */
    revision: number
    received_at: number
  }
  /** Reports that were stored, so that a second delivery is recognised. */
  reports: { agent_key: number; report_id: string; received_at: number }
  entities: {
    agent_key: number
    type: string
    id: string
    name: string
    attributes: string
    relations: string
    first_seen_at: number
    updated_at: number
    deleted_at: number | null
    /** Of the report that last spoke of it: see `report-order.ts`. */
    revision: number
  }
  series: {
    id: Generated<number>
    agent_key: number
    /** Hash of everything that makes the series what it is. */
    fingerprint: string
    name: string
    entity_type: string
    entity_id: string
    attributes: string
    unit: string
    kind: string
  }
  points: { series_id: number; at: number; value: number }
  events: {
    key: Generated<number>
    agent_key: number
    event_id: string | null
    name: string
    at: number
    /** Position in `SEVERITIES` of core: 0 is `info`, 3 is `critical`. */
    severity: number
    entity_type: string
    entity_id: string
    body: string
    attributes: string
  }
  gaps: {
    agent_key: number
    scope: string
    since: number
    reason: string
    last_reported_at: number
    /** Of the report that last named it. */
    revision: number
  }
}
