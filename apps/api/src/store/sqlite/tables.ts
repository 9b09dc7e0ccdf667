import type { Generated } from 'kysely'

/** Tables of the store. Times are milliseconds since 1970; JSON is stored as text. */
export interface Tables {
  environments: { name: string; created_at: number }
  /** Provisioned types of agents per environment. `config` contains no secrets. */
  provisions: {
    environment: string
    agent_type: string
    config: string
    withheld: string
    created_at: number
    /** Lifetime of new tokens in milliseconds. `null` for ever. */
    token_ttl: number | null
    /** Number of agents that may join with a new token. `null` for the limit of the platform. */
    token_uses: number | null
  }
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
    /** Until when new agents may join. `null` for ever. Agents that joined go on. */
    joinable_until: number | null
    /** Number of agents that may join. `null` for the limit of the platform. */
    max_agents: number | null
  }
  /** Agents that joined with a limited token. They may use it after its lifetime. */
  token_agents: { token_id: number; agent_id: string; joined_at: number; last_used_at: number }
  /** Keys of single agents, which they received in exchange for a token. */
  agent_keys: {
    id: Generated<number>
    environment: string
    agent_type: string
    agent_id: string
    /** Token with which the agent enrolled. */
    token_id: number
    /** SHA-256, hexadecimal. */
    hash: string
    created_at: number
    expires_at: number
    revoked_at: number | null
    /** Key that ends with the first use of this one. */
    replaces_id: number | null
    /** First use. Before it, `replaces_id` stays valid. */
    confirmed_at: number | null
    last_used_at: number | null
  }
  /** Tokens of people and programs. Those of one name succeed each other. */
  access_tokens: {
    id: Generated<number>
    name: string
    /** JSON: array of scopes. */
    scopes: string
    /** JSON: array of the environments that it is limited to. `null` for all. */
    environments: string | null
    /** SHA-256, hexadecimal. */
    hash: string
    created_at: number
    /** Lifetime in milliseconds, which its successor gets too. `null` for ever. */
    ttl: number | null
    expires_at: number | null
    revoked_at: number | null
    /** Accurate to a minute. */
    last_used_at: number | null
  }
  /** Changes and refusals. */
  audit: {
    id: Generated<number>
    /** The first of folded refusals. */
    at: number
    last_at: number
    /** Number of folded refusals. 1 for a change. */
    count: number
    outcome: string
    /** HTTP status. */
    status: number
    /** `operationId` of the route. */
    action: string
    actor: string
    /** Id of the token or key. */
    actor_id: number | null
    /** Name of the access token. For an ended token, its kind and id. */
    actor_name: string | null
    address: string
    environment: string | null
    agent_type: string | null
    agent_id: string | null
    /** Name of the access token that is the object. */
    token_name: string | null
    detail: string | null
  }
  /** Revoked agents: tokens from before the revocation are refused, as long as there are any. */
  agent_revocations: { environment: string; agent_type: string; agent_id: string; revoked_at: number }
  /** Removed agents whose data is still stored. */
  removed_agents: { agent_key: number }
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
    /** Milliseconds by which its clock was ahead in its last request; negative if it was behind. */
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
    /** Seconds between two reports. `null` for agents of earlier versions. */
    report_interval_seconds: number | null
    /** Arrival of the last stored report. */
    last_delivery_at: number | null
    /** First heartbeat of this run, or since the agent was offline. */
    online_since: number | null
    collectors: string | null
    outbox: string | null
    /** JSON: package and version of the connector. `null` for agents that do not send it. */
    connector: string | null
    /** Expiry of the key that its last heartbeat was sent with. `null` without a key. */
    key_expires_at: number | null
    /** Last revocation. */
    revoked_at: number | null
    /** JSON: instances without an election that sent heartbeats, the most recent first. */
    processes: Generated<string>
    /** Last time that a process came back after another one: several processes are this agent. */
    cloned_at: number | null
    /** How many of `processes` took turns then. */
    clones: Generated<number>
    series_count: Generated<number>
    /** Number of its entities, with deleted ones, and bytes of their names, attributes and relations. */
    entity_count: Generated<number>
    entity_bytes: Generated<number>
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
    connector: string | null
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
  /** Relations of entities by target, derived from `entities.relations` by triggers. */
  relations: {
    target_type: string
    target_id: string
    agent_key: number
    relation: string
    type: string
    id: string
  }
  /** Labels of entities, derived from `entities.attributes` by triggers. */
  entity_labels: { name: string; value: string; agent_key: number; type: string; id: string }
  /** Steps of changes by the ids of their events, derived from `events.attributes` by triggers. */
  change_steps: { agent_key: number; step_id: string; change_id: string }
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
  /** Points that are not yet packed. The newest point of each series is always one of them. */
  points: { series_id: number; at: number; value: number }
  /** Packed points of one series and window of time: see `point-blocks.ts`. A row of `points` at the same time wins. */
  point_blocks: {
    /** Series and window. A number of 63 bits, which statements take apart. */
    key: never
    count: number
    points: Uint8Array
  }
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
    /** Sequences of the reports that did not arrive, while late ones are recognised. `null` for other gaps. */
    first_missing: number | null
    last_missing: number | null
  }
}
