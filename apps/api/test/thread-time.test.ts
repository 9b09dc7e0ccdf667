import fc from 'fast-check'
import { expect, test } from 'vitest'
import { agentIdOf, entityOf, eventOf, heartbeatOf, metricOf, reportOf, startApi, type TestApi } from './kit.ts'
import { refusedShapes } from './shapes.ts'
import { measureTurns } from './turns.ts'

/*
 * No request holds the thread: its work is cut into many turns of the event loop. Turns are measured in CPU time of the
 * thread, which other processes of the machine change little. A long turn that is not the body's fault, such as a
 * collection of garbage, is not found again when the body is sent again. `npm run bench -- attack` shows the times.
 */

/** Turn that is short enough for any request, in milliseconds of CPU time. */
const SHORT_TURN_MS = 100

/** Largest share of a request's CPU time in one turn: where coverage is measured, everything takes longer. */
const MAX_SHARE = 1 / 2

/** Number of times that a body is sent before its turns count as too long. */
const MAX_ATTEMPTS = 3

const BODY_LIMIT = 64 * 2 ** 20

async function start() {
  const api = await startApi({ bodyLimit: BODY_LIMIT, maxEventsPerMinute: 1_000_000, checkResponses: false })
  return { api, token: await api.provision() }
}

/** Sends a body, again while one of its turns is too long, and checks that of the last attempt. Returns the status. */
async function send(api: TestApi, token: string, path: string, payload: string): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const begin = process.threadCpuUsage()
    const meter = measureTurns()
    const { statusCode } = await api.agent(token, {
      method: 'POST',
      url: `/api/v1/agent/${path}`,
      headers: { 'content-type': 'application/json' },
      payload,
    })
    meter.stop()
    const longest = meter.longest()
    const { user, system } = process.threadCpuUsage(begin)
    const most = Math.max(SHORT_TURN_MS, ((user + system) / 1000) * MAX_SHARE)
    if (longest > most && attempt < MAX_ATTEMPTS) continue
    expect(longest).toBeLessThanOrEqual(most)
    return statusCode
  }
}

test('refused bodies do not hold the thread, whatever fills them', async () => {
  const { api, token } = await start()
  for (const { name, path, body } of refusedShapes(0.5)) {
    const status = await send(api, token, path, body())
    expect([name, status >= 400 && status < 500]).toEqual([name, true])
  }
}, 300_000)

/** A level of a body: more of its content, in width, depth, length or number. */
const level = fc.record({
  kind: fc.constantFrom('fields', 'elements', 'levels', 'text', 'names'),
  count: fc.integer({ min: 1, max: 3000 }),
})

type Level = typeof level extends fc.Arbitrary<infer Value> ? Value : never

const MAX_LENGTH = 2 ** 21

/** Repeats content on one level, up to a length. */
function repeat(content: string, { kind, count }: Level): string {
  const times = Math.max(1, Math.min(count, Math.floor(MAX_LENGTH / (content.length + 8))))
  const numbers = Array.from({ length: times }, (_, index) => index)
  switch (kind) {
    case 'fields':
      return `{${numbers.map((number) => `"${number}":${content}`).join()}}`
    case 'elements':
      return `[${numbers.map(() => content).join()}]`
    case 'levels':
      return `${'['.repeat(times)}${content}${']'.repeat(times)}`
    case 'text':
      return JSON.stringify(content.repeat(times))
    case 'names':
      return `{${JSON.stringify(content.slice(0, 1000).repeat(Math.ceil(times / 100)))}:${content}}`
  }
}

/** Bodies with a place that is filled. Without fields, it is the list of reports. */
const PLACES = [
  ...(['entities', 'metrics', 'events', 'gaps'] as const).map((kind) => ['data', { [kind]: '?' }] as const),
  ['data', { entities: [entityOf('a', { relations: '?' as never })] }] as const,
  ['data', { entities: [entityOf('a', { attributes: '?' as never })] }] as const,
  ['data', { metrics: [metricOf(1, { attributes: '?' as never })] }] as const,
  ['data', { events: [eventOf({ attributes: '?' as never })] }] as const,
  ['data', { unknown: '?' }] as const,
  ['data', undefined] as const,
  ['heartbeat', { collectors: '?' }] as const,
  ['heartbeat', { outbox: '?' }] as const,
  ['enroll', { instance_id: '?' }] as const,
] as const

test('no random shape of a body holds the thread or fails', async () => {
  const { api, token } = await start()
  const place = fc.constantFrom(...PLACES)
  const content = fc.oneof(
    fc.constantFrom('{}', '[]', 'null', '1', '""'),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  )
  await fc.assert(
    fc.asyncProperty(
      place,
      content,
      fc.array(level, { minLength: 1, maxLength: 4 }),
      async ([path, fields], inner, levels) => {
        const valid =
          path === 'data'
            ? { reports: fields === undefined ? '?' : [reportOf(fields as never)] }
            : path === 'heartbeat'
              ? heartbeatOf(fields)
              : { agent_id: agentIdOf('first'), agent_type: 'docker', agent_version: '1', ...fields }
        const body = JSON.stringify(valid).replace('"?"', () => levels.reduce(repeat, inner))
        const status = await send(api, token, path, body)
        expect(status).toBeLessThan(500)
        expect(status).toBeGreaterThanOrEqual(200)
      },
    ),
    { seed: 1, numRuns: 120 },
  )
}, 300_000)
