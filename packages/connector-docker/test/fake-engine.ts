import { createHash } from 'node:crypto'
import { silentLogger } from '@rca/core'
import { excludeNames } from '@rca/core/connector'
import { engineSignals } from '../src/collectors/engine.ts'
import { configSchema } from '../src/config.ts'
import type { DockerClient } from '../src/docker-client.ts'
import type { ContainerDetails, EngineApi, EngineEvent } from '../src/engine/engine-api.ts'
import { createEngineClock } from '../src/engine/engine-clock.ts'
import { demultiplex } from '../src/engine/log-frames.ts'
import { toDiskUsage, toImage, toNetwork, toVolume } from '../src/engine/translate.ts'
import { createEventHistory } from '../src/events/event-history.ts'
import { createKeptLogs } from '../src/evidence/kept-logs.ts'
import { createInventory } from '../src/inventory.ts'
import { createUsageReader } from '../src/usage/usage-reader.ts'
import { type Captured, captured } from './fixtures.ts'

/** An engine in memory. */
export interface FakeEngine extends EngineApi {
  /** Requests, such as `containers` and `container <id>`, in order. */
  readonly requests: string[]
  /** Containers by id, which a test may change. */
  readonly existing: Map<string, ContainerDetails>
}

/** Creates an engine with captured answers, which a test may override. */
export function fakeEngine(of: Captured = captured(), parts: Partial<EngineApi> = {}): FakeEngine {
  const requests: string[] = []
  const existing = new Map(of.containers().map((container) => [container.id, container]))
  const image = toImage(of.json('image.json'))
  const nameOf = (id: string): string => existing.get(id)?.name ?? id
  const answers: EngineApi = {
    info: async () => of.info,
    containers: async () => [...existing.values()].map(({ id, state }) => ({ id, state: state.status, status: '' })),
    container: async (id) => existing.get(id),
    image: async (id) => (id === image.id ? image : undefined),
    networks: async () => (of.json('networks.json') as unknown[]).map(toNetwork),
    volumes: async () => (of.json('volumes.json') as { readonly Volumes: unknown[] }).Volumes.map(toVolume),
    diskUsage: async () => toDiskUsage(of.json('df.json')),
    stats: async (id) => of.stats(nameOf(id)),
    logs: async (id) =>
      ['crashed', 'tty'].includes(nameOf(id)) ? demultiplex(of.bytes(`log-${nameOf(id)}.bin`)) : undefined,
    followLog: async () => undefined,
    events: (_since, signal) => eventStream(of.events(), signal),
    close: () => undefined,
    ...parts,
  }
  const noting =
    <Question extends readonly unknown[], Answer>(what: string, ask: (...question: Question) => Answer) =>
    (...question: Question): Answer => {
      requests.push(typeof question[0] === 'string' ? `${what} ${question[0]}` : what)
      return ask(...question)
    }
  return {
    requests,
    existing,
    info: noting('info', answers.info),
    containers: noting('containers', answers.containers),
    container: noting('container', answers.container),
    image: noting('image', answers.image),
    networks: noting('networks', answers.networks),
    volumes: noting('volumes', answers.volumes),
    diskUsage: noting('disk usage', answers.diskUsage),
    stats: noting('stats', answers.stats),
    logs: noting('logs', answers.logs),
    followLog: noting('follow log', answers.followLog),
    events: noting('events', answers.events),
    close: noting('close', answers.close),
  }
}

/** Yields events, then waits for the abort. */
export async function* eventStream(events: Iterable<EngineEvent>, signal: AbortSignal): AsyncIterable<EngineEvent> {
  for (const event of events) {
    if (signal.aborted) return
    yield event
  }
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Creates a client with the answers and host files of a captured engine. */
export function fakeClient(
  of: Captured = captured(),
  { config = {}, engine = fakeEngine(of), ...parts }: FakeClientParts = {},
): DockerClient {
  const checked = configSchema.parse({ root_path: of.root, ...config })
  return {
    config: checked,
    engine,
    info: of.info,
    entity: engineSignals.engine.reference(of.info.id),
    host: undefined,
    inventory: createInventory(engine, excludeNames(checked.exclude_containers)),
    usage: createUsageReader({ rootPath: checked.root_path, info: of.info, engine }),
    history: createEventHistory(),
    clock: createEngineClock(),
    keptLogs: createKeptLogs(engine, checked.crash_log_lines, 0),
    keyedHash: (text) => createHash('sha256').update(`key of a test/${text}`).digest('hex').slice(0, 32),
    log: silentLogger,
    ...parts,
  }
}

/** Parts of a client to override, and options as an operator writes them. */
export interface FakeClientParts extends Partial<Omit<DockerClient, 'config'>> {
  readonly config?: Readonly<Record<string, unknown>>
}
