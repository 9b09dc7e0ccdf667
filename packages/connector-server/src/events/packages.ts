import { type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { PackageVersions, ServerClient } from '../client/server-client.ts'

export const packageSignals = {
  hostPackagesChanged: event({
    name: 'host.packages_changed',
    severity: 'info',
    description: 'Packages of the operating system were installed, upgraded, downgraded or removed.',
    attributes: {
      'server.package.count': 'Number of changed packages.',
      'server.package.changed': 'Changed packages, such as `openssl 3.0.11 → 3.0.15`; at most 200.',
      'server.package.installed': 'Installed packages with their versions; at most 200.',
      'server.package.removed': 'Removed packages with their last versions; at most 200.',
    },
  }),
}

const cursorSchema = z.record(z.string(), z.string())

const MAX_PACKAGES = 200
const MAX_NAMED = 3

/** Reports changes of packages, also those of the time when the agent did not run. Ends without a package manager. */
export const packages: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    let known: PackageVersions | undefined = cursor.before
    for (;;) {
      const versions = await client.packages(context.signal)
      if (versions === undefined) return
      if (versions !== known) {
        const event = known === undefined ? undefined : toEvent(client, known, versions, context.now())
        if (event !== undefined) context.emit({ events: [event] })
        known = versions
        await cursor.save(versions)
      }
      await context.sleep('30s')
    }
  },
}

function toEvent(client: ServerClient, before: PackageVersions, after: PackageVersions, at: Date): Event | undefined {
  const changed = Object.keys(after)
    .filter((name) => before[name] !== undefined && before[name] !== after[name])
    .map((name) => `${name} ${before[name]} → ${after[name]}`)
  const installed = Object.keys(after)
    .filter((name) => before[name] === undefined)
    .map((name) => `${name} ${after[name]}`)
  const removed = Object.keys(before)
    .filter((name) => after[name] === undefined)
    .map((name) => `${name} ${before[name]}`)
  const count = changed.length + installed.length + removed.length
  if (count === 0) return undefined
  const { entity, hostname } = client.machine
  const list = (texts: readonly string[]) => (texts.length === 0 ? undefined : texts.slice(0, MAX_PACKAGES))
  return packageSignals.hostPackagesChanged.event({
    at,
    entity,
    body: `Packages of ${hostname}: ${[describe('changed', changed), describe('installed', installed), describe('removed', removed)].filter((part) => part !== '').join('; ')}`,
    attributes: {
      'server.package.count': count,
      'server.package.changed': list(changed),
      'server.package.installed': list(installed),
      'server.package.removed': list(removed),
    },
  })
}

function describe(what: string, texts: readonly string[]): string {
  if (texts.length === 0) return ''
  const more = texts.length > MAX_NAMED ? ` and ${texts.length - MAX_NAMED} more` : ''
  return `${what} ${texts.slice(0, MAX_NAMED).join(', ')}${more}`
}
