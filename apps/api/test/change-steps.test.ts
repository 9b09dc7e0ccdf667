import type { Report } from '@rca/core/protocol'
import { expect, test } from 'vitest'
import { agentIdOf, at, DAY, eventOf, reportOf, START, startApi, type TestApi } from './kit.ts'

type Event = Report['data']['events'][number]

/** Makes an event whose id and body are its text, `container name`. */
function event(text: string, seconds: number, rest: Partial<Event> = {}): Event {
  const [container = '', name = ''] = text.split(' ')
  const entity = { type: 'container', id: container }
  return eventOf({
    id: text,
    name: `container.${name}`,
    body: text,
    at: at(seconds),
    severity: 'info',
    entity,
    ...rest,
  })
}

const named = { attributes: { 'step.change_id': 'new changed' } }

/** The events of a container that was recreated, and others. */
const EVENTS = {
  crashed: event('old crashed', 1, { severity: 'error' }),
  stopped: event('old stopped', 2),
  removed: event('old removed', 3),
  created: event('new created', 4),
  changed: event('new changed', 4, {
    severity: 'warning',
    attributes: { 'change.steps': ['old crashed', 'old stopped', 'old removed', 'new created', 'unknown'] },
  }),
  started: event('new started', 5, named),
  unhealthy: event('new unhealthy', 6, { ...named, severity: 'warning' }),
  restarted: event('new restarted', 7),
} as const

const FOLDED = ['new restarted', 'new unhealthy', 'new changed', 'old crashed']
const STEPS = ['new started', 'new created', 'old removed', 'old stopped']

async function ask(api: TestApi, query: Readonly<Record<string, string>>) {
  const response = await api.admin({ url: '/api/v1/events', query })
  expect(response.statusCode, response.body).toBe(200)
  const { events, next_cursor: cursor } = response.json()
  return { bodies: events.map(({ body }: Event) => body), events, cursor }
}

/** Starts an API that received these events in one report each, in this order. */
async function apiWith(events: readonly Event[]) {
  const api = await startApi()
  const token = await api.provision()
  for (const [sequence, one] of events.entries())
    expect((await api.send(token, reportOf({ events: [one] }, { sequence }))).statusCode).toBe(202)
  return { api, token }
}

const { crashed, stopped, removed, created, changed, started, unhealthy, restarted } = EVENTS

test.each<[string, readonly Event[]]>([
  ['in the order of their times', Object.values(EVENTS)],
  ['the change last', [crashed, stopped, removed, created, started, unhealthy, restarted, changed]],
  ['the change first', [changed, restarted, unhealthy, started, created, removed, stopped, crashed]],
])('steps of a change are folded and listed, received %s', async (_order, events) => {
  const { api } = await apiWith(events)
  const { bodies, events: folded } = await ask(api, { fold: 'true' })
  expect(bodies.toSorted()).toEqual(FOLDED.toSorted())
  expect(folded.map(({ steps }: { steps?: number }) => steps).filter(Boolean)).toEqual([4])
  expect(folded.find(({ body }: Event) => body === 'new changed')).toMatchObject({ steps: 4 })
  expect((await ask(api, { step_of: 'new changed' })).bodies.toSorted()).toEqual(STEPS.toSorted())
  const all = await ask(api, {})
  expect(all.bodies).toHaveLength(8)
  expect(all.events.some((one: object) => 'steps' in one)).toBe(false)
})

test('steps without their change are events like others', async () => {
  const { api } = await apiWith([stopped, removed, created, started])
  expect((await ask(api, { fold: 'true' })).bodies).toHaveLength(4)
  expect((await ask(api, { step_of: 'new changed' })).bodies).toEqual([])
})

test('a change has no steps of another agent', async () => {
  const { api, token } = await apiWith([changed])
  const other = { agent_id: agentIdOf('other') }
  await api.send(token, reportOf({ events: [stopped, started] }, other))
  expect((await ask(api, { fold: 'true' })).bodies.toSorted()).toEqual(
    ['new changed', 'new started', 'old stopped'].toSorted(),
  )
  expect((await ask(api, { step_of: 'new changed', agent_id: agentIdOf('other') })).bodies).toEqual([])
})

test('folded events are read in pages, and with other conditions', async () => {
  const { api } = await apiWith(Object.values(EVENTS))
  const first = await ask(api, { fold: 'true', limit: '2' })
  const second = await ask(api, { fold: 'true', limit: '2', cursor: first.cursor })
  expect([...first.bodies, ...second.bodies].toSorted()).toEqual(FOLDED.toSorted())
  expect(second.cursor).toBeNull()
  expect((await ask(api, { fold: 'true', severity: 'error' })).bodies).toEqual(['old crashed'])
  expect((await ask(api, { fold: 'true', entity_type: 'container', entity_id: 'new' })).bodies).toEqual([
    'new restarted',
    'new unhealthy',
    'new changed',
  ])
  expect((await ask(api, { step_of: 'new changed', name: 'container.started' })).bodies).toEqual(['new started'])
})

test('folded steps are not asked for', async () => {
  const api = await startApi()
  const response = await api.admin('/api/v1/events?fold=true&step_of=x')
  expect(response.statusCode).toBe(422)
  expect(response.body).toContain('fold=true')
})

test('the retention removes what is known of steps with their events', async () => {
  const { api, token } = await apiWith(Object.values(EVENTS))
  api.clock.now = START + 400 * DAY
  const timestamp = new Date(api.clock.now).toISOString()
  await api.send(token, reportOf({}, { sequence: 100, timestamp }))
  await api.applyRetention()
  expect((await ask(api, {})).bodies).toEqual([])
  const later = [stopped, { ...changed, attributes: {} }].map((one) => ({ ...one, at: timestamp }))
  await api.send(token, reportOf({ events: later }, { sequence: 101, timestamp }))
  expect((await ask(api, { fold: 'true' })).bodies.toSorted()).toEqual(['new changed', 'old stopped'])
})
