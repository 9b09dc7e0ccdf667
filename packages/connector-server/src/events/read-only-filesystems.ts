import { type Event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { Mount, ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** Mounts by mount point and device: whether each is read-only, and was writable before. */
const cursorSchema = z.record(z.string(), z.enum(['writable', 'read-only', 'turned-read-only']))
type States = z.output<typeof cursorSchema>

/**
 * Notices that a filesystem turns read-only while it is mounted, also across a restart of the agent, and that it becomes
 * writable again. One that is mounted read-only is as someone wanted it.
 */
export const readOnlyFilesystems: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    let states = cursor.before ?? {}
    for (;;) {
      const events: Event[] = []
      const next: States = {}
      for (const mount of await client.mounts()) {
        const key = `${mount.mountPoint} ${mount.device}`
        const before = states[key]
        const state = nextState(before, mount.readOnly)
        next[key] = state
        if (before === 'writable' && state === 'turned-read-only') events.push(toEvent(mount, context.now()))
        if (before === 'turned-read-only' && state === 'writable') events.push(toEvent(mount, context.now()))
      }
      if (events.length > 0) context.emit({ events })
      states = next
      await cursor.save(next)
      await context.sleep('15s')
    }
  },
}

function nextState(before: States[string] | undefined, readOnly: boolean): States[string] {
  if (!readOnly) return 'writable'
  return before === undefined || before === 'read-only' ? 'read-only' : 'turned-read-only'
}

function toEvent(mount: Mount, at: Date): Event {
  const definition = mount.readOnly ? signals.filesystemReadOnly : signals.filesystemWritable
  return definition.event({
    at,
    entity: signals.filesystem.reference(mount.mountPoint),
    body: `${mount.mountPoint} (${mount.device}) ${mount.readOnly ? 'has become read-only' : 'is writable again'}`,
    attributes: {
      'system.filesystem.mountpoint': mount.mountPoint,
      'system.filesystem.type': mount.type,
      'system.device': mount.device,
    },
  })
}
