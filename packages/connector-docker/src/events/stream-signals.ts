import { type Event, event } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import type { EngineMessage } from './engine-message.ts'

export const streamSignals = {
  eventCut: event({
    name: 'docker.engine.event_cut',
    severity: 'info',
    description: 'An event of the engine exceeded 1 MiB. Its attributes were not read.',
    attributes: { 'docker.action': 'Type and action of the event, such as `container/create`.' },
  }),
  eventsMissed: event({
    name: 'docker.engine.events_missed',
    severity: 'warning',
    description:
      'The event stream was interrupted, or lost events. Events that neither the engine nor the containers remember are missing.',
    attributes: {
      'docker.events.since': 'Start of the interruption. ISO 8601.',
      'docker.events.until': 'End of the interruption. ISO 8601.',
    },
  }),
}

/** Returns the event that names an event without its attributes. */
export function cutEvent({ id, at, action, raw }: EngineMessage, { entity }: DockerClient): Event {
  return streamSignals.eventCut.event({
    id: `${id}/cut`,
    at,
    entity,
    body: `The event ${raw.type}/${action} of ${raw.actor} exceeds 1 MiB, with very long labels: its attributes were not read`,
    attributes: { 'docker.action': `${raw.type}/${action}` },
  })
}

/** Returns the event of an interruption that began at `brokenAt`. */
export function missedEvent(brokenAt: string, { entity, info }: DockerClient, now: Date): Event {
  const until = now.toISOString()
  return streamSignals.eventsMissed.event({
    id: `docker/missed/${brokenAt}`,
    at: now,
    entity,
    body: `Events of the engine ${info.name} from ${brokenAt} to ${until} may be missing: the stream was interrupted, or lost some`,
    attributes: { 'docker.events.since': brokenAt, 'docker.events.until': until },
  })
}
