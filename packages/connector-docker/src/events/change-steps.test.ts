import type { Event } from '@rca/core/connector'
import { expect, test } from 'vitest'
import { createChangeSteps } from './change-steps.ts'

const START = Date.parse('2026-11-25T00:00:00Z')

/** An event, as `container name` or `container name severity`, and the seconds at which it happens. */
type Line = readonly [text: string, seconds: number]

function eventOf([text, seconds]: Line): Event {
  const [container = '', name = '', severity = name === 'changed' ? 'warning' : 'info'] = text.split(' ')
  return {
    id: text,
    name: name === 'network.changed' ? `docker.${name}` : `container.${name}`,
    at: new Date(START + seconds * 1000).toISOString(),
    severity: severity as Event['severity'],
    entity: { type: 'container', id: container },
    body: text,
    attributes: {
      'container.id': container,
      ...(name === 'changed' && { 'change.previous_container_id': 'old' }),
    },
  }
}

/** Returns the ids that the change lists, and those of the events that name the change. */
function stepsOf(lines: readonly Line[]) {
  const { mark } = createChangeSteps()
  const marked = lines.map((line) => mark(eventOf(line)))
  return {
    listed: marked.find(({ name }) => name === 'container.changed')?.attributes['change.steps'],
    marked: marked.filter(({ attributes }) => attributes['step.change_id'] === 'new changed').map(({ id }) => id),
  }
}

const each = (second: number, ...texts: readonly string[]): Line[] =>
  texts.map((text, index) => [text, second + index / 10])

test('lists the removal before a change, and marks the start after it', () => {
  const removal = ['old killed', 'old exited', 'old network.changed', 'old stopped', 'old removed']
  const start = ['new network.changed', 'new started', 'new health_changed']
  expect(stepsOf(each(0, ...removal, 'new created', 'new changed', ...start))).toEqual({
    listed: [...removal, 'new created'],
    marked: start,
  })
})

test('marks the removal after a change, as Compose removes the previous container last', () => {
  const steps = ['old killed', 'old exited', 'old removed', 'new renamed', 'new started']
  expect(stepsOf(each(0, 'new created', 'new changed', ...steps))).toEqual({
    listed: ['new created'],
    marked: steps,
  })
})

test('leaves out events of other containers, and events without a container', () => {
  const { mark } = createChangeSteps()
  const lines = each(0, 'old removed', 'other exited', 'new changed', 'other started')
  const marked = lines.map((line) => mark(eventOf(line)))
  expect(marked.map(({ attributes }) => attributes['step.change_id'])).toEqual(Array(4).fill(undefined))
  expect(marked[2]?.attributes['change.steps']).toEqual(['old removed'])
  const pulled = { ...eventOf(['image pulled', 1]), attributes: {} }
  expect(mark(pulled)).toBe(pulled)
})

test.each<[string, readonly Line[], unknown]>([
  [
    'a crash of the previous container',
    each(0, 'old crashed error', 'old removed', 'new changed'),
    { listed: ['old removed'], marked: [] },
  ],
  [
    'an end before the last start of the previous container',
    each(0, 'old killed', 'old exited', 'old started', 'old removed', 'new changed'),
    { listed: ['old removed'], marked: [] },
  ],
  [
    'an end long before the change',
    [...each(0, 'old exited', 'old stopped'), ...each(601, 'old removed', 'new changed')],
    { listed: ['old removed'], marked: [] },
  ],
  [
    'a start long after the change',
    [...each(0, 'new created', 'new changed'), ['new started', 602]],
    { listed: ['new created'], marked: [] },
  ],
  [
    'what follows a crash of the new container',
    each(0, 'new changed', 'new started', 'new crashed error', 'new started', 'new health_changed'),
    { listed: undefined, marked: ['new started'] },
  ],
  [
    'a stop of the new container, and a later start',
    each(0, 'new changed', 'new started', 'new killed', 'new exited', 'new stopped', 'new started'),
    { listed: undefined, marked: ['new started'] },
  ],
  [
    'a network that is disconnected from the started container',
    each(0, 'new changed', 'new network.changed', 'new started', 'new network.changed'),
    { listed: undefined, marked: ['new network.changed', 'new started'] },
  ],
  [
    'a failed health check of the new container, and its recovery',
    each(0, 'new changed', 'new started', 'new health_changed warning', 'new health_changed'),
    { listed: undefined, marked: ['new started'] },
  ],
])('leaves out %s', (_what, lines, expected) => {
  expect(stepsOf(lines)).toEqual(expected)
})

test('returns an event without steps, and an update of a container, unchanged', () => {
  const { mark } = createChangeSteps()
  const change = eventOf(['new changed', 0])
  expect(mark(change)).toBe(change)
  const update = { ...eventOf(['new changed', 1]), attributes: { 'container.id': 'new', 'change.fields': ['limits'] } }
  expect(mark(update)).toBe(update)
})

test('lists at most 32 steps', () => {
  const renames = Array.from({ length: 40 }, (_, index) => `old renamed info ${index}`)
  const { listed } = stepsOf(each(0, ...renames, 'new changed'))
  expect(listed).toEqual(renames.slice(-32))
})
