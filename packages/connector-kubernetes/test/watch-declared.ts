import type { Event, EventDefinition, Watcher } from '@rca/core/connector'
import { expect, onTestFinished } from 'vitest'
import type { KubernetesClient } from '../src/kubernetes-client.ts'
import { signals } from '../src/signals.ts'
import type { FollowedCluster } from './followed-cluster.ts'

const definitions = new Map(
  Object.values<{ readonly signal: string }>(signals)
    .filter((one): one is EventDefinition => one.signal === 'event')
    .map((definition) => [definition.name, definition]),
)

/** Returns the undeclared names of an event: its own name, or those of attributes. */
export function undeclared({ name, attributes }: Event): readonly string[] {
  const definition = definitions.get(name)
  if (definition === undefined) return [name]
  return Object.keys(attributes).filter((attribute) => !Object.hasOwn(definition.attributes, attribute))
}

/** Records the events of a watcher. The test fails for an undeclared event or attribute, and for a duplicate ID. */
export function watchDeclared(
  cluster: FollowedCluster,
  watcher: Watcher<KubernetesClient>,
  now?: () => Date,
): ReturnType<FollowedCluster['watch']> {
  const watching = cluster.watch(watcher, now)
  onTestFinished(() => {
    for (const event of watching.events) expect([event.name, ...undeclared(event)]).toEqual([event.name])
    const ids = watching.events.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })
  return watching
}
