import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerDetails, EngineEvent, EngineInfo, StatsAnswer } from '../src/engine/engine-api.ts'
import { toEvent } from '../src/engine/event-stream.ts'
import { toInfo } from '../src/engine/translate.ts'
import { toContainer } from '../src/engine/translate-container.ts'

const FOLDER = join(import.meta.dirname, 'fixtures')

/** Every engine that was captured, by the name of its folder. */
export const engineNames: readonly string[] = readdirSync(FOLDER).filter((name) =>
  existsSync(join(FOLDER, name, 'info.json')),
)

/** The engine of which exact values are expected. */
export const exactEngine = 'engine-20.10-cgroup-v1'

/** What `capture.sh` captured of one engine. */
export interface Captured {
  /** Name of its folder. */
  readonly name: string
  /** The host's files: what `root_path` would be. */
  readonly root: string
  /** A file as text. */
  text(file: string): string
  bytes(file: string): Buffer
  json(file: string): unknown
  readonly info: EngineInfo
  /** Names of the containers, such as `shop-web-1`. */
  readonly containerNames: readonly string[]
  /** A container by its name. */
  container(name: string): ContainerDetails
  /** Every container. */
  containers(): ContainerDetails[]
  /** The answer for a container; `undefined` where the engine gave none. */
  stats(name: string): StatsAnswer | undefined
  /** All that the engine told, from before the first container until after the last. */
  events(): EngineEvent[]
}

/** What was captured of an engine. */
export function captured(name: string = exactEngine): Captured {
  const folder = join(FOLDER, name)
  const bytes = (file: string): Buffer => readFileSync(join(folder, file))
  const text = (file: string): string => bytes(file).toString('utf8')
  const json = (file: string): unknown => JSON.parse(text(file))
  const container = (of: string): ContainerDetails => toContainer(json(`container-${of}.json`))
  const containerNames = readdirSync(folder).flatMap((file) => /^container-(.+)\.json$/.exec(file)?.[1] ?? [])
  return {
    name,
    root: join(folder, 'root'),
    text,
    bytes,
    json,
    info: toInfo(json('info.json'), json('version.json')),
    containerNames,
    container,
    containers: () => containerNames.map(container),
    stats: (of) => {
      const file = `stats-${of}.json`
      if (!existsSync(join(folder, file)) || text(file).trim() === '') return undefined
      return json(file) as StatsAnswer
    },
    events: () =>
      text('events.jsonl')
        .split('\n')
        .flatMap((line) => toEvent(line) ?? []),
  }
}

/** Begin of every text that must stay on the host: values of variables, secrets in logs, labels that are not allowed. */
export const canary = 'canary-'
