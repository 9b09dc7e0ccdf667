import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { createDirectoryState, createMemoryState } from '../state/state-store.ts'
import { createProcessErrors } from './process-errors.ts'

const AGENT_ID = '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60'
const start = Date.parse('2026-01-23T10:00:00.000Z')

async function errorsOf({ agentId = AGENT_ID as string | undefined, isKept = true } = {}) {
  const clock = { at: start }
  const directory = join(await temporaryDirectory(), 'state', 'acme_queues')
  const errors = createProcessErrors({
    agentType: 'acme/queues',
    directory: isKept ? directory : undefined,
    state: isKept ? createDirectoryState(directory) : createMemoryState(),
    agentId: () => agentId,
    redact: (text) => text.replaceAll('canary', '[redacted]'),
    now: () => new Date(clock.at),
  })
  return { errors, clock, directory, file: join(directory, 'crash.json') }
}

const lost = new Error('lost canary at https://u:p4ss@host/')

describe('an error that ends the process', () => {
  test('is an event of the next run that names connector and package, without secrets', async () => {
    const { errors, file } = await errorsOf()
    errors.record({ origin: 'uncaughtException', error: lost, package: { name: 'rca-queues', version: '1.2.3' } })
    const event = await errors.lastCrash(AGENT_ID)
    expect(event).toMatchObject({
      id: 'agent.crashed 2026-01-23T10:00:00.000Z',
      name: 'agent.crashed',
      at: '2026-01-23T10:00:00.000Z',
      severity: 'error',
      entity: { type: 'rca.agent', id: AGENT_ID },
      body: 'The connector acme/queues of rca-queues@1.2.3 ended the agent: lost [redacted] at https://u:[redacted]@host/',
      attributes: {
        'rca.agent.type': 'acme/queues',
        'rca.connector.package': 'rca-queues',
        'rca.connector.version': '1.2.3',
        'exception.message': 'lost [redacted] at https://u:[redacted]@host/',
        'exception.stacktrace': expect.stringMatching(/^Error: lost \[redacted\][\s\S]*process-errors\.test\.ts/),
      },
    })
    expect(readFileSync(file, 'utf8')).not.toMatch(/canary|p4ss/)
  })

  test('names the code of process.exit and its caller', async () => {
    const { errors } = await errorsOf()
    errors.record({ origin: 'exit', error: new Error('process.exit'), exitCode: 7 })
    expect(await errors.lastCrash(AGENT_ID)).toMatchObject({
      body: 'The connector acme/queues ended the agent: it called process.exit',
      attributes: {
        'process.exit.code': 7,
        'exception.stacktrace': expect.stringContaining('process-errors.test.ts'),
      },
    })
  })

  test('is reported by the agent that it ended, not by another one with the same state directory', async () => {
    const { errors } = await errorsOf()
    errors.record({ origin: 'uncaughtException', error: lost })
    expect(await errors.lastCrash('another')).toBeUndefined()
    const early = await errorsOf({ agentId: undefined })
    early.errors.record({ origin: 'uncaughtException', error: lost })
    expect(await early.errors.lastCrash(AGENT_ID)).toBeDefined()
  })

  test('leaves nothing without a state directory, with one that cannot be written, and in a damaged file', async () => {
    const { errors } = await errorsOf({ isKept: false })
    errors.record({ origin: 'uncaughtException', error: lost })
    expect(await errors.lastCrash(AGENT_ID)).toBeUndefined()

    const blocked = await errorsOf()
    mkdirSync(blocked.file, { recursive: true })
    blocked.errors.record({ origin: 'uncaughtException', error: lost })
    expect(await blocked.errors.lastCrash(AGENT_ID)).toBeUndefined()

    const damaged = await errorsOf()
    damaged.errors.record({ origin: 'uncaughtException', error: lost })
    writeFileSync(damaged.file, readFileSync(damaged.file, 'utf8').slice(0, 40))
    expect(await damaged.errors.lastCrash(AGENT_ID)).toBeUndefined()
  })
})

describe('an unhandled rejection', () => {
  test('is one gap that names the connector, until none has occurred for ten minutes', async () => {
    const { errors, clock } = await errorsOf()
    expect(errors.gaps()).toEqual([])
    errors.record({ origin: 'unhandledRejection', error: new Error('no route') })
    clock.at += 9 * 60_000
    errors.record({ origin: 'unhandledRejection', error: lost })
    expect(errors.gaps()).toEqual([
      {
        scope: 'connector:acme/queues',
        reason:
          'it left 2 rejected promises unhandled: what they should have read may be missing. The last one: lost [redacted] at https://u:[redacted]@host/',
        since: '2026-01-23T10:00:00.000Z',
      },
    ])
    clock.at += 10 * 60_000
    expect(errors.gaps()).toHaveLength(1)
    clock.at += 1
    expect(errors.gaps()).toEqual([])
    errors.record({ origin: 'unhandledRejection', error: 'later' })
    expect(errors.gaps()).toMatchObject([
      {
        reason: expect.stringContaining('1 rejected promise unhandled'),
        since: new Date(clock.at).toISOString(),
      },
    ])
  })

  test('leaves no record for the next run', async () => {
    const { errors } = await errorsOf()
    errors.record({ origin: 'unhandledRejection', error: lost })
    expect(await errors.lastCrash(AGENT_ID)).toBeUndefined()
  })
})
