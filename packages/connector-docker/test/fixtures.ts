import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerDetails, EngineEvent, EngineInfo, StatsAnswer } from '../src/engine/engine-api.ts'
import { toEvent } from '../src/engine/event-stream.ts'
import { toInfo } from '../src/engine/translate.ts'
import { toContainer } from '../src/engine/translate-container.ts'

const FOLDER = join(import.meta.dirname, 'fixtures')

/** Folder names of the captured engines. */
export const engineNames: readonly string[] = readdirSync(FOLDER).filter((name) =>
  existsSync(join(FOLDER, name, 'info.json')),
)

/** Engine for tests with exact values. */
export const exactEngine = 'engine-20.10-cgroup-v1'

/** Answers and files that `capture.sh` captured from one engine. */
export interface Captured {
  /** Folder name. */
  readonly name: string
  /** Folder with the host's files, for `root_path`. */
  readonly root: string
  /** Reads a file as text. */
  text(file: string): string
  bytes(file: string): Buffer
  json(file: string): unknown
  readonly info: EngineInfo
  /** Container names, such as `shop-web-1`. */
  readonly containerNames: readonly string[]
  /** Returns a container by name. */
  container(name: string): ContainerDetails
  /** Every container. */
  containers(): ContainerDetails[]
  /** Returns the stats of a container; `undefined` without a captured answer. */
  stats(name: string): StatsAnswer | undefined
  /** Returns all events of the capture. */
  events(): EngineEvent[]
}

/** Opens the capture of an engine. */
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

/** Prefix of every text that must stay on the host: values of variables, secrets in logs, unlisted labels. */
export const canary = 'canary-'
