import { type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { FilesystemReading, FileWriter, ServerClient } from '../client/server-client.ts'
import { entities, mountPointAttribute } from '../entities.ts'

const baseAttributes = {
  ...mountPointAttribute,
  'system.device': 'Device, share or dataset that is mounted.',
  'server.filesystem.resource': '`space` or `inodes`.',
  'system.filesystem.utilization': 'Used share, 0 to 1.',
  'server.filesystem.available': 'Free bytes or inodes, without those reserved for root.',
  'server.filesystem.limit': 'Bytes or inodes in all, without those reserved for root.',
  'server.filesystem.full_in':
    'Seconds until nothing is free, if usage grows on as in the last ten minutes. Absent if it does not grow.',
}

const fullAttributes = {
  ...baseAttributes,
  'server.filesystem.writers':
    'Largest files that processes have open for writing, at most 5, with the process and the size; deleted files, too. Absent where the agent may not see the files of others: it may as root.',
}

export const fullSignals = {
  filesystemFull: event({
    name: 'filesystem.full',
    severity: 'critical',
    description:
      'A filesystem has at most 1 % of its space (at most 1 GiB) or of its inodes (at most 10,000) left. Programs cannot write there, or soon will not.',
    attributes: fullAttributes,
  }),
  filesystemNearlyFull: event({
    name: 'filesystem.nearly_full',
    severity: 'warning',
    description:
      'A filesystem has at most 5 % of its space (at most 10 GiB) or of its inodes (at most 100,000) left, or will be full within 30 minutes.',
    attributes: fullAttributes,
  }),
  filesystemHasSpace: event({
    name: 'filesystem.has_space',
    severity: 'info',
    description: 'A filesystem that was full or nearly full has space or inodes again.',
    attributes: { ...baseAttributes, 'server.filesystem.full_since': 'Time of the event before. ISO 8601, UTC.' },
  }),
}

const LEVELS = ['free', 'nearly_full', 'full'] as const
type Level = (typeof LEVELS)[number]

const cursorSchema = z.record(z.string(), z.object({ level: z.enum(['nearly_full', 'full']), since: z.iso.datetime() }))
type States = z.output<typeof cursorSchema>

type Resource = 'space' | 'inodes'

const GIBIBYTE = 1024 ** 3

/** Largest share and amount that may be left at each level. A share alone is plenty on a large filesystem. */
const LIMITS: Readonly<Record<Resource, Readonly<Record<'nearly_full' | 'full', readonly [number, number]>>>> = {
  space: { nearly_full: [0.05, 10 * GIBIBYTE], full: [0.01, GIBIBYTE] },
  inodes: { nearly_full: [0.05, 100_000], full: [0.01, 10_000] },
}

/** A level ends only when this many times its limit is free, so that it does not come and go. */
const HYSTERESIS = 1.5

/** Time before a forecast full filesystem at which it counts as nearly full, if this share is used. */
const FORECAST_SECONDS = 1_800
const MIN_FORECAST_USED = 0.8

/** Period of the readings of a forecast. */
const TREND_MS = 600_000
const MIN_TREND_MS = 120_000

interface Usage {
  readonly reading: FilesystemReading
  readonly resource: Resource
  readonly available: number
  readonly limit: number
}

interface Point {
  readonly time: number
  readonly available: number
}

/**
 * Reports filesystems that run out of space or inodes, and have some again, also across a restart of the agent. The
 * first run of an agent also reports filesystems that are full already, since an operator may be looking for them.
 */
export const fullFilesystems: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    const trends = new Map<string, Point[]>()
    let states = cursor.before ?? {}
    for (;;) {
      const events: Event[] = []
      const next: States = {}
      const readings = await client.filesystems(context.signal)
      for (const reading of readings) {
        const { mountPoint, device } = reading.mount
        for (const resource of ['space', 'inodes'] as const) {
          const key = `${resource} ${mountPoint} ${device}`
          const before = states[key]
          const usage = usageOf(reading, resource)
          if (usage === undefined) {
            // A filesystem that does not answer keeps its state.
            if (before !== undefined) next[key] = before
            continue
          }
          const now = context.now()
          const fullIn = forecast(trends, key, { time: now.getTime(), available: usage.available })
          const level = levelOf(usage, before?.level ?? 'free', fullIn)
          if (level !== 'free') {
            next[key] = level === before?.level ? before : { level, since: now.toISOString() }
          }
          if (level !== (before?.level ?? 'free')) {
            const writers = level === 'free' ? [] : await readWriters(client, usage)
            events.push(toEvent(usage, level, before, fullIn, writers, now))
          }
        }
      }
      for (const key of trends.keys()) if (!readings.some((reading) => isKeyOf(reading, key))) trends.delete(key)
      if (events.length > 0) context.emit({ events })
      states = next
      await cursor.save(next)
      await context.sleep('15s')
    }
  },
}

function isKeyOf({ mount }: FilesystemReading, key: string): boolean {
  return key.endsWith(` ${mount.mountPoint} ${mount.device}`)
}

/** Returns `undefined` for an unknown usage, and for a read-only filesystem, such as an image. */
function usageOf(reading: FilesystemReading, resource: Resource): Usage | undefined {
  const { usage, mount } = reading
  if (usage === undefined || mount.readOnly) return undefined
  if (resource === 'space') {
    const limit = usage.used + usage.available
    return limit === 0 ? undefined : { reading, resource, available: usage.available, limit }
  }
  if (usage.inodes === undefined || usage.freeInodes === undefined) return undefined
  return { reading, resource, available: usage.freeInodes, limit: usage.inodes }
}

function levelOf({ resource, available, limit }: Usage, before: Level, fullIn: number | undefined): Level {
  const isAt = (level: 'nearly_full' | 'full'): boolean => {
    const [share, most] = LIMITS[resource][level]
    const factor = LEVELS.indexOf(before) >= LEVELS.indexOf(level) ? HYSTERESIS : 1
    return available <= factor * Math.min(share * limit, most)
  }
  if (isAt('full')) return 'full'
  if (isAt('nearly_full')) return 'nearly_full'
  const isFilling = fullIn !== undefined && fullIn <= FORECAST_SECONDS && available <= (1 - MIN_FORECAST_USED) * limit
  // A filesystem that fills more slowly for a moment stays nearly full until it has more space than that.
  const wasFilling = before !== 'free' && available <= (1 - MIN_FORECAST_USED) * limit && fullIn !== undefined
  return isFilling || wasFilling ? 'nearly_full' : 'free'
}

/** Returns the seconds until nothing is free, by the oldest reading of the last ten minutes. */
function forecast(trends: Map<string, Point[]>, key: string, point: Point): number | undefined {
  const points = (trends.get(key) ?? []).filter(({ time }) => time >= point.time - TREND_MS && time < point.time)
  trends.set(key, [...points, point])
  const [oldest] = points
  if (oldest === undefined || point.time - oldest.time < MIN_TREND_MS) return undefined
  const perSecond = ((oldest.available - point.available) / (point.time - oldest.time)) * 1000
  return perSecond > 0 ? Math.round(point.available / perSecond) : undefined
}

function toEvent(
  { reading, resource, available, limit }: Usage,
  level: Level,
  before: States[string] | undefined,
  fullIn: number | undefined,
  writers: readonly FileWriter[],
  at: Date,
): Event {
  const { mountPoint, device } = reading.mount
  const attributes = {
    'system.filesystem.mountpoint': mountPoint,
    'system.device': device,
    'server.filesystem.resource': resource,
    'system.filesystem.utilization': 1 - available / limit,
    'server.filesystem.available': available,
    'server.filesystem.limit': limit,
    'server.filesystem.full_in': level === 'full' ? undefined : fullIn,
  }
  const entity = entities.filesystem.reference(mountPoint)
  const amount = resource === 'space' ? formatBytes : (count: number) => `${count} inodes`
  const left = `${available === 0 ? (resource === 'space' ? 'nothing' : 'no inode') : amount(available)} of ${amount(limit)} is free`
  const name = `${mountPoint} (${device})`
  const [largest] = writers
  const by = largest === undefined ? '' : `; largest file that is written: ${formatWriter(largest)}`
  const fullAttributes = {
    ...attributes,
    'server.filesystem.writers': writers.length === 0 ? undefined : writers.map(formatWriter),
  }
  switch (level) {
    case 'full': {
      const what = resource === 'space' ? 'is full' : 'has run out of inodes'
      const body = `${name} ${what}: ${left}${by}`
      return fullSignals.filesystemFull.event({ at, entity, body, attributes: fullAttributes })
    }
    case 'nearly_full': {
      if (before?.level === 'full') break
      const what = resource === 'space' ? 'is nearly full' : 'has nearly run out of inodes'
      const soon = fullIn === undefined ? '' : `, and nothing in ${formatSeconds(fullIn)} at this rate`
      const body = `${name} ${what}: ${left}${soon}${by}`
      return fullSignals.filesystemNearlyFull.event({ at, entity, body, attributes: fullAttributes })
    }
    default:
  }
  const what = resource === 'space' ? 'has space again' : 'has inodes again'
  return fullSignals.filesystemHasSpace.event({
    at,
    entity,
    body: `${name} ${what}: ${left}`,
    attributes: { ...attributes, 'server.filesystem.full_since': before?.since },
  })
}

const MAX_WRITERS = 5

/** Never rejects: an event without them is better than none. */
async function readWriters(client: ServerClient, { reading, resource }: Usage): Promise<readonly FileWriter[]> {
  if (resource === 'inodes') return []
  return client.fileWriters(reading.mount.mountPoint, MAX_WRITERS).catch(() => [])
}

function formatWriter({ path, size, name, pid }: FileWriter): string {
  return `${path} (${formatBytes(size)}, ${name}, pid ${pid})`
}

const BYTE_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

function formatBytes(bytes: number): string {
  const unit = Math.min(BYTE_UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** unit
  return `${value < 10 && unit > 0 ? Math.round(value * 10) / 10 : Math.round(value)} ${BYTE_UNITS[unit]}`
}

function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds / 3_600)} hours`
}
