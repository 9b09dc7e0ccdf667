import type { Generated } from 'kysely'

/** Tables of the store. Times are milliseconds since 1970; JSON is stored as text. */
export interface Tables {
  environments: { name: string; created_at: number }
  /** Provisioned types of agents per environment. `config` contains no secrets. */
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
    /** Milliseconds by which its clock was ahead in its last request. */
    clock_offset: Generated<number>
    /** Revision of the newest report. Gaps that this report does not contain are closed. */
    newest_revision: Generated<number>
    newest_sequence: Generated<number>
    newest_report_id: Generated<string>
    /** Leader term of the newest report. Empty without an election. */
    newest_lead: Generated<string>
    /** 1 while the agent has only reported that it cannot connect. */
    provisional: Generated<number>
    /** 1 while only standby instances have called. */
    standing_by: Generated<number>
    interval_seconds: number | null
    collectors: string | null
    outbox: string | null
  }
  /** Replicas of agents, with the status from their last heartbeat. */
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
  /** Leader terms: see `ingest/report-order.ts`. */
  agent_leads: {
    agent_key: number
    lead_id: string
    /** Revision of its newest report. */
    revision: number
    sequence: number
    /** Maximum revision of its reports, set when another term begins. */
    ceiling: number | null
    /** Arrival of its last report. */
    last_report_at: number
  }
  /** Received parts of incomplete snapshots. */
  snapshot_parts: {
    agent_key: number
    /** `report_id` of the first part. */
    first_id: string
    number: number
    /** 1 for the last part. */
    last: number
    /** Revision of the part's report. */
    revision: number
    received_at: number
  }
  /** Ids of stored reports, to detect duplicates. */
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
    /** Revision of the newest report with the entity: see `ingest/report-order.ts`. */
    revision: number
  }
  series: {
    id: Generated<number>
    agent_key: number
    /** Hash of the columns that identify the series. */
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
    /** Index in `SEVERITIES` of core: 0 is `info`, 3 is `critical`. */
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
    /** Revision of the newest report with the gap. */
    revision: number
  }
}
