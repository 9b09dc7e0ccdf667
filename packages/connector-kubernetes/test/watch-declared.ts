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

/** What of an event is not declared: its name, or names of attributes. */
export function undeclared({ name, attributes }: Event): readonly string[] {
  const definition = definitions.get(name)
  if (definition === undefined) return [name]
  return Object.keys(attributes).filter((attribute) => !Object.hasOwn(definition.attributes, attribute))
}

/** What a watcher tells, as it tells it. The test fails where something of it is not declared, or an id is told twice. */
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
