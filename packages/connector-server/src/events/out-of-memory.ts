import { type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { ServerClient } from '../client/server-client.ts'
import { processAttributes } from '../entities.ts'

export const outOfMemorySignals = {
  hostOutOfMemoryKill: event({
    name: 'host.oom_kill',
    severity: 'critical',
    description: 'The kernel killed a process because memory ran out.',
    attributes: {
      'server.oom_kill.count': 'Processes killed since the last check.',
      'server.oom_kill.scope': '`machine`, or `cgroup` if the limit of a control group was reached.',
      'server.oom_kill.resident': 'Bytes of memory that the process used.',
      ...processAttributes,
    },
  }),
}

const cursorSchema = z.object({ bootId: z.string().optional(), kills: z.int().nonnegative() })

/**
 * Reports processes that the OOM killer killed. Counts them by the kernel's counter, which misses none, and names them
 * where the kernel's log may be read. Ends where the kernel has no counter (before Linux 4.13, other systems).
 */
export const outOfMemory: Watcher<ServerClient> = {
  async watch(client, context) {
    const { id: bootId } = await client.boot()
    const cursor = openCursor(cursorSchema, context)
    let known = cursor.before?.bootId === bootId ? cursor.before?.kills : undefined
    for (;;) {
      const kills = await client.outOfMemoryKills()
      if (kills === undefined) return
      if (known !== undefined && kills > known) {
        context.emit({ events: await readEvents(client, { bootId, kills, count: kills - known }, context.now) })
      }
      await cursor.save({ bootId, kills })
      known = kills
      await context.sleep('10s')
    }
  },
}

interface Kills {
  readonly bootId: string | undefined
  /** Since boot. */
  readonly kills: number
  /** Since the last check. */
  readonly count: number
}

/** Returns one event per victim, or one event for all kills if the log does not name every victim. */
async function readEvents(client: ServerClient, { bootId, kills, count }: Kills, now: () => Date): Promise<Event[]> {
  const { entity } = client.machine
  const victims = (await client.outOfMemoryVictims()).slice(-count)
  const at = now()
  if (victims.length < count) {
    return [
      outOfMemorySignals.hostOutOfMemoryKill.event({
        id: `host.oom_kill/${bootId}/${kills}`,
        at,
        entity,
        body: `The kernel killed ${count === 1 ? 'a process' : `${count} processes`} because memory ran out`,
        attributes: { 'server.oom_kill.count': count },
      }),
    ]
  }
  const uptime = await client.uptime()
  return victims.map((victim, index) =>
    outOfMemorySignals.hostOutOfMemoryKill.event({
      id: `host.oom_kill/${bootId}/${kills - count + index + 1}`,
      // At most now: the kernel's log and the uptime come from two clocks.
      at: new Date(at.getTime() - Math.max(0, uptime - victim.uptime) * 1000),
      entity,
      body: `The kernel killed ${victim.name} (pid ${victim.pid}) because memory ran out${victim.inControlGroup ? ' in its control group' : ''}`,
      attributes: {
        'server.oom_kill.count': 1,
        'server.oom_kill.scope': victim.inControlGroup ? 'cgroup' : 'machine',
        'server.oom_kill.resident': victim.residentBytes,
        'process.pid': victim.pid,
        'process.executable.name': victim.name,
      },
    }),
  )
}
