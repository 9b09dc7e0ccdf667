import type { BrokenPackage } from './package-files.ts'

/** A package that an agent can run, and what its agent reports. */
export interface CollectingPackage extends BrokenPackage {
  /** Options of the agent. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Gaps of the agent: scope and reason. */
  readonly gaps?: Readonly<Record<string, RegExp>>
  /** Statuses of collectors and watchers in heartbeats. */
  readonly statuses?: Readonly<Record<string, object>>
  /** Id of a host that the platform stores as it is. */
  readonly host?: string
  /** Text that must be nowhere in what the platform stores about the agent. */
  readonly secret?: string
  /** True if the agent cannot connect: the platform stores no data of it. */
  readonly isOffline?: true
}

const named = (reason: RegExp): Pick<CollectingPackage, 'gaps'> => ({ gaps: { 'collector:bad': reason } })
const returns = (code: string, reason: RegExp): CollectingPackage => ({
  code: `collect(async () => (${code}))`,
  ...named(reason),
})
const metrics = (code: string, reason: RegExp): CollectingPackage => returns(`{ metrics: [${code}] }`, reason)
const SECRET = 's3cr3t-canary'
const withSecret = (code: string): CollectingPackage => ({
  code: `input.properties.api_token = { type: 'string', description: 'Token.', writeOnly: true }\nlet token = ''\nparts.connect = async (context) => { token = context.config.api_token; return {} }\n${code}`,
})

/** Packages whose faults show when they are run. */
export const collectingPackages: Readonly<Record<string, CollectingPackage>> = {
  'never-resolves': {
    code: "collect(() => new Promise(() => {}), { timeout: '300ms' })",
    ...named(/did not finish within 0\.3 s|in progress/),
  },
  'undeclared-metric': metrics("{ ...load.point(1, own), name: 'acme.other' }", /`?acme\.other`? is not declared/),
  'undeclared-attribute': metrics('{ ...load.point(1, own), attributes: { size: 1 } }', /size/),
  'undeclared-relation': returns(
    "{ entities: [host.entity({ id: 'b', relations: [{ type: 'runs_on', target: own }] })] }",
    /runs_on/,
  ),
  'other-unit': metrics("{ ...load.point(1, own), unit: 's' }", /another unit or kind than declared/),
  'other-kind': metrics("{ ...load.point(1, own), kind: 'counter' }", /another unit or kind than declared/),
  nan: metrics(
    "load.point(NaN, own), load.point(Infinity, own), load.point('1', own)",
    /`acme\.load` has a value that is not a finite number: 3 points, the first of `acme\.host\/host-nan`/,
  ),
  'returns-undefined': returns('undefined', /it returned undefined instead of signals/),
  'returns-text': returns("'all is well'", /it returned string instead of signals/),
  'returns-metric': returns('{ metric: [] }', /unknown field .*metric.* \(known: entities, metrics/),
  'moving-ids': {
    code: 'collect(async () => { round += 1; return { entities: Array.from({ length: 200 }, (_, i) => host.entity({ id: `${round}-${i}` })) } })',
    gaps: { 'churn:bad': /entit/ },
  },
  'many-events': {
    code: 'let count = 12000\ncollect(async () => { const events = Array.from({ length: count }, (_, i) => note({ id: `${i}` })); count = 0; return { events } })',
    gaps: { 'events:bad': /event/ },
  },
  'watched-events': {
    code: 'parts.watchers.bad = { watch: async (client, { emit, sleep }) => { emit({ events: Array.from({ length: 12000 }, () => note({})) }); await sleep("1h") } }',
    gaps: { 'events:bad': /event/ },
  },
  'same-id': {
    code: "collect(async () => ({ events: ['a', 'b', 'c'].map((body) => note({ id: 'one', body })) }))",
    gaps: { 'event:acme.noted': /id/ },
  },
  'future-event': {
    code: 'collect(async () => ({ events: [note({ at: new Date(Date.now() + 400 * 86400000).toISOString() })] }))',
    gaps: { 'event:acme.noted': /future/ },
  },
  'invalid-date': returns("{ events: [note({ at: 'yesterday' })] }", /`acme\.noted`/),
  'huge-body': {
    code: "let size = 2e7\ncollect(async () => { const body = 'x'.repeat(size); size = 1; return { events: [note({ id: body.slice(0, 9), body })] } })",
    gaps: {},
  },
  'negative-counter': metrics(
    'jobs.point(-1, own)',
    /counter with a negative value, of `acme\.host\/host-negative-counter`/,
  ),
  'identity-empty': {
    code: "parts.identify = async () => ({ id: '', name: 'x', entity: own })",
    isOffline: true,
    gaps: { connection: /`id` that is empty/ },
  },
  'identity-undescribed': {
    code: "parts.identify = async () => ({ id: 'u', name: 'u', entity: host.reference('nowhere') })",
    gaps: { 'entity:acme.host/nowhere': /describe/ },
  },
  'connect-rejects': {
    code: "parts.connect = async () => { throw new Error('no route to https://user:hunter2canary@host') }",
    isOffline: true,
    secret: 'hunter2canary',
    gaps: { connection: /no route to https:\/\/user:\[redacted\]@host/ },
  },
  'connect-hangs': {
    code: 'parts.connect = () => new Promise(() => {})',
    isOffline: true,
    gaps: { connection: /no answer yet|did not finish/ },
  },
  'watcher-returns': {
    code: 'parts.watchers.bad = { watch: async () => {} }',
    gaps: {},
    statuses: { bad: { ok: true, ended: true } },
  },
  'watcher-rejects': {
    code: "parts.watchers.bad = { watch: async () => { throw new Error('stream broke') } }",
    gaps: { 'watcher:bad': /stream broke/ },
  },
  'watcher-ignores-abort': { code: 'parts.watchers.bad = { watch: () => new Promise(() => {}) }', gaps: {} },
  'disconnect-hangs': { code: 'parts.disconnect = () => new Promise(() => {})', gaps: {} },
  'secret-marked': {
    ...withSecret(
      'collect(async () => { throw new Error(`401 for ${token} ${btoa(token)} ${encodeURIComponent(token)}`) })',
    ),
    options: { api_token: SECRET },
    secret: SECRET,
    ...named(/401 for \[redacted\] \[redacted\] \[redacted\]/),
  },
  'secret-word': {
    ...withSecret("collect(async () => ({ entities: [host.entity({ id: 'root-db' })] }))"),
    options: { api_token: 'root' },
    host: 'root-db',
    gaps: {},
  },
}
