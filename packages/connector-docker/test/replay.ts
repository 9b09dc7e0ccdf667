import { setImmediate } from 'node:timers/promises'
import type { ContainerDetails, EngineApi, EngineEvent } from '../src/engine/engine-api.ts'
import { changed } from './engine-events.ts'
import { type EventLog, eventLog } from './event-log.ts'
import { type FakeEngine, fakeEngine } from './fake-engine.ts'
import type { Captured } from './fixtures.ts'

/** An engine that replays a captured scene. */
export interface Replay {
  readonly engine: FakeEngine
  readonly log: EventLog
  /** Events of the scene, in order. */
  readonly events: readonly EngineEvent[]
  /** Replays the next events, by default all: changes the containers and sends the events. */
  play(count?: number): Promise<void>
}

/** Creates the engine before its scene. */
export function replay(of: Captured, parts: Partial<EngineApi> = {}): Replay {
  const log = eventLog()
  const engine = fakeEngine(of, { events: log.events, ...parts })
  const captured = new Map(engine.existing)
  const events = of.events()
  const left = [...events]
  engine.existing.clear()
  return {
    engine,
    log,
    events,
    play: async (count = left.length) => {
      for (const event of left.splice(0, count)) {
        if (event.type === 'container') happen(event, engine.existing, captured)
        log.send(event)
        // Lets listeners request the current state.
        for (let turn = 0; turn < 5; turn += 1) await setImmediate()
      }
    },
  }
}

/** Applies an event to its container. */
function happen(
  { action, actor, attributes, timeNano }: EngineEvent,
  existing: Map<string, ContainerDetails>,
  captured: ReadonlyMap<string, ContainerDetails>,
): void {
  // An engine records the time slightly before it sends the event.
  const moment = isoOf(BigInt(timeNano) - 5_000_000n)
  const before = existing.get(actor)
  const state = (change: Partial<ContainerDetails['state']>): void => {
    if (before !== undefined) existing.set(actor, changed(before, { state: change }))
  }
  const known = captured.get(actor) ?? [...captured.values()][0]
  if (action === 'create' && known !== undefined)
    existing.set(actor, {
      ...known,
      id: actor,
      name: captured.has(actor) ? known.name : (attributes.name ?? ''),
      created: moment,
      restartCount: 0,
      state: { ...IDLE, status: 'created' },
    })
  if (action === 'start') state({ ...IDLE, status: 'running', startedAt: moment, finishedAt: before?.state.finishedAt })
  if (action === 'die') state({ status: 'exited', finishedAt: moment, exitCode: Number(attributes.exitCode) })
  if (action === 'oom') state({ outOfMemory: true })
  if (action === 'rename' && before !== undefined) existing.set(actor, { ...before, name: attributes.name ?? '' })
  if (action === 'update' && before !== undefined) existing.set(actor, changed(before, { limits: { cpuShares: 512 } }))
  if (action === 'destroy') existing.delete(actor)
}

const IDLE: ContainerDetails['state'] = {
  status: 'created',
  pid: undefined,
  exitCode: 0,
  outOfMemory: false,
  error: undefined,
  startedAt: undefined,
  finishedAt: undefined,
  health: undefined,
}

/** Converts nanoseconds since 1970 to ISO 8601 with nine decimals, the engine's format. */
function isoOf(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19)
  return `${seconds}.${`${nanoseconds % 1_000_000_000n}`.padStart(9, '0')}Z`
}
