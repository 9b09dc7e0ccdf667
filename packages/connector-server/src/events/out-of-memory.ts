import { type Event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { OutOfMemoryVictim, ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

const cursorSchema = z.object({ bootId: z.string().optional(), kills: z.int().nonnegative() })

/**
 * Notices processes that the kernel killed for want of memory, by its counter, which misses none, and names them where
 * its log may be read. Ends where the kernel does not count them (before Linux 4.13, other systems).
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
        const victims = (await client.outOfMemoryVictims()).slice(known - kills)
        context.emit({
          events: toEvents(client, {
            bootId,
            kills,
            count: kills - known,
            victims,
            now: context.now(),
            uptime: await client.uptime(),
          }),
        })
      }
      await cursor.save({ bootId, kills })
      known = kills
      await context.sleep('10s')
    }
  },
}

interface Kills {
  readonly bootId: string | undefined
  readonly kills: number
  /** Since the last look. */
  readonly count: number
  readonly victims: readonly OutOfMemoryVictim[]
  readonly now: Date
  readonly uptime: number
}

/** One event a victim that the log names; one for all where it does not name each of them. */
function toEvents({ machine }: ServerClient, { bootId, kills, count, victims, now, uptime }: Kills): Event[] {
  if (victims.length < count) {
    return [
      signals.hostOutOfMemoryKill.event({
        id: `host.oom_kill/${bootId}/${kills}`,
        at: now,
        entity: machine.entity,
        body:
          count === 1
            ? 'The kernel killed a process for want of memory'
            : `The kernel killed ${count} processes for want of memory`,
        attributes: { 'server.oom_kill.count': count },
      }),
    ]
  }
  return victims.map((victim, index) =>
    signals.hostOutOfMemoryKill.event({
      id: `host.oom_kill/${bootId}/${kills - count + index + 1}`,
      // Not later than now: the kernel's log and its uptime are kept by two clocks.
      at: new Date(Math.min(now.getTime(), now.getTime() - (uptime - victim.uptime) * 1000)),
      entity: machine.entity,
      body: `The kernel killed ${victim.name} (pid ${victim.pid}) for want of memory${victim.inControlGroup ? ' in its control group' : ''}`,
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
