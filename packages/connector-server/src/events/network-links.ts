import { createEventSampler, type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { NetworkLink, ServerClient } from '../client/server-client.ts'
import { entities } from '../entities.ts'

const linkAttributes = {
  'network.interface.name': 'Name of the interface.',
  'server.network.state':
    'State in the words of the kernel: `up`, `down`, `lowerlayerdown`, `dormant` …, or `removed`.',
  'server.network.speed': 'Speed in bits per second. Absent where the interface has none.',
  'server.network.previous_speed': 'Speed before the change.',
}

export const linkSignals = {
  networkInterfaceDown: event({
    name: 'network.interface.down',
    severity: 'error',
    description: 'A network interface went down: it was set down, lost its carrier, or was removed.',
    attributes: linkAttributes,
  }),
  networkInterfaceUp: event({
    name: 'network.interface.up',
    severity: 'info',
    description: 'A network interface that went down is up again.',
    attributes: { ...linkAttributes, 'server.network.down_since': 'When it went down. ISO 8601, UTC.' },
  }),
  networkInterfaceFlapped: event({
    name: 'network.interface.flapped',
    severity: 'warning',
    description: 'A network interface lost its carrier, and had it again at the next look ten seconds later.',
    attributes: { ...linkAttributes, 'server.network.carrier_loss.count': 'How often, since the first of a series.' },
  }),
  networkInterfaceSpeedChanged: event({
    name: 'network.interface.speed_changed',
    severity: 'warning',
    description: 'A network interface negotiated another speed.',
    attributes: linkAttributes,
  }),
}

/** Interfaces that are up, or went down: name → state. */
const cursorSchema = z.record(
  z.string(),
  z.object({
    carrierChanges: z.number().optional(),
    bitsPerSecond: z.number().optional(),
    isBridge: z.boolean(),
    downSince: z.iso.datetime().optional(),
  }),
)
type States = z.output<typeof cursorSchema>
type State = States[string]

/** States of an interface that can carry traffic. Tunnels and others without a carrier are `unknown`. */
const UP_STATES = new Set(['up', 'unknown'])

/**
 * Reports interfaces that go down, come up, lose their carrier or change their speed, also across a restart of the
 * agent. Bridges of containers go down with their last container: theirs are information.
 */
export const networkLinks: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    const sampler = createEventSampler()
    let states = cursor.before ?? {}
    for (;;) {
      const now = context.now()
      const events: Event[] = []
      const next: States = {}
      const links = await client.networkLinks()
      for (const link of links) {
        const before = states[link.name]
        const isUp = link.isSetUp && UP_STATES.has(link.state)
        // An interface that was never up may be one without a cable.
        if (!isUp && before === undefined) continue
        next[link.name] = nextState(link, isUp, before, now)
        if (before !== undefined) events.push(...eventsOf(link, isUp, before, sampler, now))
      }
      for (const [name, before] of Object.entries(states)) {
        if (links.some((link) => link.name === name)) continue
        // A bridge is removed with the network of its containers.
        if (!before.isBridge) next[name] = { ...before, downSince: before.downSince ?? now.toISOString() }
        if (!before.isBridge && before.downSince === undefined) events.push(toRemoval(name, before, now))
      }
      if (events.length > 0) context.emit({ events })
      states = next
      await cursor.save(next)
      await context.sleep('10s')
    }
  },
}

function nextState(link: NetworkLink, isUp: boolean, before: State | undefined, now: Date): State {
  const downSince = isUp ? undefined : (before?.downSince ?? now.toISOString())
  return {
    isBridge: link.isBridge,
    ...(link.carrierChanges === undefined ? {} : { carrierChanges: link.carrierChanges }),
    // The speed of an interface that is down is unknown: keep the last one, to compare it later.
    ...((link.bitsPerSecond ?? before?.bitsPerSecond) === undefined
      ? {}
      : { bitsPerSecond: link.bitsPerSecond ?? before?.bitsPerSecond }),
    ...(downSince === undefined ? {} : { downSince }),
  }
}

function eventsOf(
  link: NetworkLink,
  isUp: boolean,
  before: State,
  sampler: ReturnType<typeof createEventSampler>,
  at: Date,
): Event[] {
  const { name } = link
  const entity = entities.networkInterface.reference(name)
  const attributes = {
    'network.interface.name': name,
    'server.network.state': link.state,
    'server.network.speed': link.bitsPerSecond,
  }
  const events: Event[] = []
  if (!isUp && before.downSince === undefined) {
    const reason = link.isSetUp ? 'lost its carrier' : 'was set down'
    const severity = link.isBridge ? 'info' : undefined
    const body = `${name} is down: it ${reason}`
    events.push(linkSignals.networkInterfaceDown.event({ at, entity, severity, body, attributes }))
  }
  if (isUp && before.downSince !== undefined) {
    events.push(
      linkSignals.networkInterfaceUp.event({
        at,
        entity,
        body: `${name} is up again after ${Math.round((at.getTime() - Date.parse(before.downSince)) / 1000)} s`,
        attributes: { ...attributes, 'server.network.down_since': before.downSince },
      }),
    )
  }
  // Each loss is two changes: down and up.
  const losses = Math.floor(((link.carrierChanges ?? 0) - (before.carrierChanges ?? Number.POSITIVE_INFINITY)) / 2)
  if (isUp && before.downSince === undefined && losses > 0) {
    const sample = sampler.sample(name, { at, times: losses })
    if (sample !== undefined) {
      const times = sample.count === 1 ? 'once' : `${sample.count} times`
      const severity = link.isBridge ? 'info' : undefined
      const body = `${name} lost its carrier ${times}, and has it again`
      const more = { ...attributes, 'server.network.carrier_loss.count': sample.count }
      events.push(linkSignals.networkInterfaceFlapped.event({ at, entity, severity, body, attributes: more }))
    }
  }
  const { bitsPerSecond: speed } = link
  if (speed !== undefined && before.bitsPerSecond !== undefined && speed !== before.bitsPerSecond) {
    events.push(
      linkSignals.networkInterfaceSpeedChanged.event({
        at,
        entity,
        severity: speed < before.bitsPerSecond ? undefined : 'info',
        body: `${name} runs at ${formatSpeed(speed)} instead of ${formatSpeed(before.bitsPerSecond)}`,
        attributes: { ...attributes, 'server.network.previous_speed': before.bitsPerSecond },
      }),
    )
  }
  return events
}

function toRemoval(name: string, before: State, at: Date): Event {
  return linkSignals.networkInterfaceDown.event({
    at,
    entity: entities.networkInterface.reference(name),
    body: `${name} is down: it was removed`,
    attributes: {
      'network.interface.name': name,
      'server.network.state': 'removed',
      'server.network.previous_speed': before.bitsPerSecond,
    },
  })
}

function formatSpeed(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e9 ? `${bitsPerSecond / 1e9} Gbit/s` : `${bitsPerSecond / 1e6} Mbit/s`
}
