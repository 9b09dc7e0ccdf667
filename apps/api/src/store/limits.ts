/** The share of the platform that one agent may use. An environment has `ENVIRONMENT_SHARES` times as much. */
export interface StoreLimits {
  /** Series with points that are not yet removed by the retention. */
  readonly series: number
  /** Entities, with deleted ones that are not yet removed by the retention. */
  readonly entities: number
  /** Bytes of the names, attributes and relations of entities. */
  readonly stateBytes: number
  /** Events per minute. After a quiet time, an agent may send as many as in ten minutes at once. */
  readonly eventsPerMinute: number
  /** Agents of the last day that may share a token which has no number of its own. */
  readonly agentsPerToken: number
}

/** Includes room for deleted objects of a cluster: a job that runs each minute leaves 10,000 pods a week. */
export const DEFAULT_LIMITS: StoreLimits = {
  series: 500_000,
  entities: 1_000_000,
  stateBytes: 640 * 1024 * 1024,
  eventsPerMinute: 6000,
  agentsPerToken: 3000,
}

export const ENVIRONMENT_SHARES = 20

/** Signals of a request that were not stored, because of the limits of their agent or of its environment. */
export interface DroppedSignals {
  readonly signal: 'points' | 'entities' | 'events' | 'gaps'
  readonly limit: 'agent' | 'environment'
  readonly count: number
}
