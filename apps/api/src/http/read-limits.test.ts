import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duration } from '@rca/core'
import Fastify from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ReadSession } from '../store/read-session.ts'
import { createErrorHandler } from './error-handler.ts'
import { limitReads } from './read-limits.ts'

/** Creates an app with a question that is answered when the test says so. Its header `caller` names the caller. */
async function createTestApp(limits: { maxConcurrentReads?: number; readTimeout?: Duration } = {}) {
  const app = Fastify()
  const questions: { readonly session: ReadSession; readonly answer: () => void }[] = []
  const asked: (() => void)[] = []
  app.setErrorHandler(createErrorHandler((seconds) => seconds))
  limitReads(app, { maxConcurrentReads: 8, readTimeout: '1h', maxPointsScanned: 10, ...limits }, (request) =>
    String(request.headers.caller),
  )
  app.get('/question', { config: { reads: true } }, async (request) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const { reading } = request
    const end = (): void => reject(reading.signal.reason as Error)
    if (reading.signal.aborted) end()
    reading.signal.addEventListener('abort', end)
    questions.push({ session: reading, answer: resolve })
    asked.shift()?.()
    await promise
    reading.countPoints(Number(request.headers.points ?? 0))
    return { points: reading.points }
  })
  await app.ready()
  onTestFinished(() => app.close())
  return {
    app,
    questions,
    /** Asks, and waits until the question is being answered. */
    ask: async (caller: string, points = 0) => {
      const begun = new Promise<void>((resolve) => asked.push(resolve))
      const answer = app.inject({ url: '/question', headers: { caller, points } })
      await begun
      return { answer: answer.then((response) => response) }
    },
    refuse: (caller: string) => app.inject({ url: '/question', headers: { caller } }),
  }
}

describe('limits of questions', () => {
  test('refuse more than a quarter of the places for one caller, and say which limit', async () => {
    const { questions, ask, refuse } = await createTestApp()
    const [first, second] = [await ask('a'), await ask('a')]
    const refused = await refuse('a')
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '2'])
    expect(refused.json().detail).toMatch(/^The platform answers 2 questions of one token .*`RCA_MAX_CONCURRENT_READS`/)
    questions[0]?.answer()
    expect((await first.answer).statusCode).toBe(200)
    await ask('a')
    for (const { answer } of questions) answer()
    expect((await second.answer).statusCode).toBe(200)
  })

  test('refuse questions of any caller when all places are taken', async () => {
    const { questions, ask, refuse } = await createTestApp({ maxConcurrentReads: 4 })
    for (const caller of ['a', 'b', 'c', 'd']) await ask(caller)
    const refused = await refuse('e')
    expect([refused.statusCode, refused.json().detail]).toEqual([
      503,
      'The platform answers 4 questions at the same time (`RCA_MAX_CONCURRENT_READS`). Ask again later.',
    ])
    for (const { answer } of questions) answer()
  })

  test('end a question after its time, and say how to ask for less', async () => {
    const { ask } = await createTestApp({ readTimeout: '20ms' })
    const { answer } = await ask('a')
    expect([(await answer).statusCode, (await answer).json().detail]).toEqual([
      503,
      'The answer took longer than 20ms (`RCA_READ_TIMEOUT`). Ask for a shorter range, fewer series or a smaller `limit`.',
    ])
  })

  test('refuse an answer that needs too many points, and say how to ask for less', async () => {
    const { questions, ask } = await createTestApp()
    const { answer } = await ask('a', 11)
    questions[0]?.answer()
    expect((await answer).statusCode).toBe(422)
    expect((await answer).json().errors).toEqual([
      {
        pointer: '#/query/from',
        detail:
          'The answer needs more than 10 stored points (`RCA_MAX_POINTS_SCANNED`). Choose a shorter range, or select fewer series: by entity, by attribute or with a smaller `limit`.',
      },
    ])
  })

  test('end a question whose caller has left, and give its place to another', async () => {
    const { app, questions, ask } = await createTestApp({ maxConcurrentReads: 1 })
    const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
    const socket = connect({ host: '127.0.0.1', port: Number(port) })
    socket.write('GET /question HTTP/1.1\r\nHost: x\r\nCaller: a\r\n\r\n')
    await expect.poll(() => questions.length, { timeout: 60_000 }).toBe(1)
    const signal = questions[0]?.session.signal as AbortSignal
    const aborted = once(signal, 'abort')
    socket.destroy()
    await aborted
    expect(signal.reason).toMatchObject({ statusCode: 499 })
    const { answer } = await ask('b')
    questions[1]?.answer()
    expect((await answer).statusCode).toBe(200)
  })
})
