import { createEventSampler, type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { FileState, ServerClient } from '../client/server-client.ts'

export const fileSignals = {
  hostFileChanged: event({
    name: 'host.file_changed',
    severity: 'info',
    description:
      'A file in one of the `watched_folders` was created, changed or deleted. Its content is never reported. On network shares and other filesystems that may not answer, a change shows in size, mode, owner or time, within five minutes. If more than 20 change at once, one event is for the rest. If one changes repeatedly, the first four changes and the 10th, 30th, 100th, … are reported.',
    attributes: {
      'file.path': 'Path of the file.',
      'file.size': 'Size in bytes.',
      'file.mode': 'Permissions in octal digits, such as `0644`.',
      'file.owner.id': 'User id of the owner.',
      'server.file.change': '`created`, `changed` or `deleted`.',
      'server.file.hash':
        'Keyed hash of the content, which only this agent can compute. Absent for files it cannot read.',
      'server.file.previous_size': 'Size before the change.',
      'server.file.previous_mode': 'Permissions before the change.',
      'server.file.previous_hash': 'Keyed hash before the change.',
      'server.file.change.count': 'Changes since the first of a series.',
      'server.file.count': 'Number of files, if one event is for several.',
      'server.file.paths': 'Paths of these files, at most 100.',
    },
  }),
}

export const filesSchema = z.record(
  z.string(),
  z.object({
    size: z.number(),
    mode: z.number(),
    owner: z.number(),
    hash: z.string().optional(),
    modifiedAt: z.string().optional(),
  }),
)
type Files = Readonly<Record<string, FileState>>

const MAX_EVENTS = 20
const MAX_PATHS = 100

/** Reports changes of files in the watched folders, also those of the time when the agent did not run. */
export const changedFiles: Watcher<ServerClient> = {
  async watch(client, context) {
    const watched = client.watchFiles()
    const cursor = openCursor(filesSchema, context)
    const sampler = createEventSampler()
    let known: Files | undefined = cursor.before
    // Files on shares are in cursors of earlier versions, and a share may be mounted over files.
    const withoutShares = (before: Files, after: Files): Files =>
      Object.fromEntries(
        Object.entries(before).filter(([path]) => after[path] !== undefined || !watched.isOnShare(path)),
      )
    try {
      for (;;) {
        const files = await watched.read(context.now())
        if (files !== known) {
          const events =
            known === undefined ? [] : compareFiles(client, withoutShares(known, files), files, sampler, context.now())
          if (events.length > 0) context.emit({ events })
          known = files
          await cursor.save(files)
        }
        await context.sleep('10s')
      }
    } finally {
      watched.close()
    }
  },
}

/** Returns events about the differences of two readings. */
export function compareFiles(
  client: ServerClient,
  before: Files,
  after: Files,
  sampler: ReturnType<typeof createEventSampler>,
  at: Date,
): Event[] {
  const changes = [
    ...Object.keys(after).filter((path) => isChanged(before[path], after[path])),
    ...Object.keys(before).filter((path) => after[path] === undefined),
  ]
  const rest = changes.slice(MAX_EVENTS)
  const events = changes
    .slice(0, MAX_EVENTS)
    .flatMap((path) => toEvent(client, path, before[path], after[path], sampler, at) ?? [])
  if (rest.length === 0) return events
  const summary = fileSignals.hostFileChanged.event({
    at,
    entity: client.machine.entity,
    body: `${rest.length} more files were changed: ${rest.slice(0, 5).join(', ')}${rest.length > 5 ? ', …' : ''}`,
    attributes: { 'server.file.count': rest.length, 'server.file.paths': rest.slice(0, MAX_PATHS) },
  })
  return [...events, summary]
}

function isChanged(before: FileState | undefined, after: FileState | undefined): boolean {
  if (before === after) return false
  if (before === undefined || after === undefined) return true
  const names = ['size', 'mode', 'owner', 'hash', 'modifiedAt'] as const
  // A file that could not be read before, or cannot be read anymore, has not changed for that.
  const isComparable = (before.hash === undefined) === (after.hash === undefined)
  return names.slice(0, isComparable ? 5 : 3).some((name) => before[name] !== after[name])
}

function toEvent(
  client: ServerClient,
  path: string,
  before: FileState | undefined,
  after: FileState | undefined,
  sampler: ReturnType<typeof createEventSampler>,
  at: Date,
): Event | undefined {
  const sample = sampler.sample(path, { at })
  if (sample === undefined) return undefined
  const change = before === undefined ? 'created' : after === undefined ? 'deleted' : 'changed'
  const times = sample.isMilestone ? `, ${sample.count} times` : ''
  return fileSignals.hostFileChanged.event({
    at,
    entity: client.machine.entity,
    body: `${path} was ${change}${times}${change === 'changed' ? detail(before, after) : ''}`,
    attributes: {
      'file.path': path,
      'file.size': after?.size,
      'file.mode': after && formatMode(after.mode),
      'file.owner.id': after && String(after.owner),
      'server.file.change': change,
      'server.file.hash': after?.hash,
      'server.file.previous_size': before?.size,
      'server.file.previous_mode': before && formatMode(before.mode),
      'server.file.previous_hash': before?.hash,
      'server.file.change.count': sample.count > 1 ? sample.count : undefined,
    },
  })
}

/** Says what has changed beside the content. */
function detail(before: FileState | undefined, after: FileState | undefined): string {
  if (before === undefined || after === undefined) return ''
  const parts = [
    ...(before.size === after.size ? [] : [`size ${before.size} → ${after.size} bytes`]),
    ...(before.mode === after.mode ? [] : [`mode ${formatMode(before.mode)} → ${formatMode(after.mode)}`]),
    ...(before.owner === after.owner ? [] : [`owner ${before.owner} → ${after.owner}`]),
  ]
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`
}

function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
