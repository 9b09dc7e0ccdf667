import { type Event, withoutSecrets } from '@rca/core/connector'
import { imageAttributes } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { signals } from '../signals.ts'
import { describeChange } from './container-change.ts'
import { describeEnd, isRequested, type RunBefore } from './container-exit.ts'
import { lookAt, type Message, occurrence } from './engine-message.ts'
import type { ContainerHistory, Milestone } from './event-history.ts'
import { wasConcluded } from './missed-events.ts'
import { countEnd, type EndCount, isLoop } from './restart-loop.ts'
import { asksToEnd } from './stop-signals.ts'

/** Tells a container's event, with what has to be asked for it. Does not reject where the engine does not answer. */
type Tell = (
  message: Message,
  client: DockerClient,
  signal: AbortSignal,
  run: RunBefore,
) => Promise<readonly (Event | undefined)[]>

/** Longest output of a health check that is told, in characters. */
const LONGEST_OUTPUT = 4096

/** Events of containers that are told; executions in a container, attachments and copies are not. */
const TABLE: ReadonlyMap<string, Tell> = new Map(
  Object.entries<Tell>({
    create: async (message, client, signal) => {
      const change = await describeChange(message, client, signal)
      const image = await imageOf(message, client, signal)
      return [signals.containerCreated.event(occurrence(message, client, 'was created', image)), change]
    },
    start: async (message, client, signal) => {
      await lookAt(message.event.actor, client, signal)
      const image = await imageOf(message, client, signal)
      return [signals.containerStarted.event(occurrence(message, client, 'was started', image))]
    },
    die: async (message, client, signal, run) => [await describeEnd(message, client, signal, run)],
    oom: async (message, client) => {
      const what = 'ran out of memory: the kernel killed a process in it'
      const limit = client.inventory.lastKnown(message.event.actor)?.limits.memory
      return [
        signals.containerOutOfMemory.event(occurrence(message, client, what, { 'container.limit.memory': limit })),
      ]
    },
    kill: async (message, client) => {
      const number = message.event.attributes.signal
      // Podman does not say which.
      const what = number === undefined ? 'was sent a signal' : `was sent signal ${number}`
      return [signals.containerKilled.event(occurrence(message, client, what, { 'container.signal': number }))]
    },
    stop: async (message, client) => [
      signals.containerStopped.event(occurrence(message, client, 'was stopped by request', {})),
    ],
    restart: async (message, client) => [
      signals.containerRestarted.event(occurrence(message, client, 'was restarted by request', {})),
    ],
    pause: async (message, client) => [
      signals.containerPaused.event(occurrence(message, client, 'was paused', { 'container.state': 'paused' })),
    ],
    unpause: async (message, client) => [
      signals.containerPaused.event(occurrence(message, client, 'goes on', { 'container.state': 'running' })),
    ],
    health_status: async (message, client, signal) => [await healthChanged(message, client, signal)],
    destroy: async (message, client, signal) => {
      const image = await imageOf(message, client, signal)
      return [signals.containerRemoved.event(occurrence(message, client, 'was removed', image))]
    },
    rename: async (message, client) => {
      const previous = message.event.attributes.oldName?.replace(/^\//, '')
      const more = { 'container.previous_name': previous }
      const what = previous === undefined ? 'got this name' : `was called ${previous} before`
      return [signals.containerRenamed.event(occurrence(message, client, what, more))]
    },
    update: async (message, client, signal) => [await describeChange(message, client, signal)],
  }),
)

/**
 * Notes at once what later events are understood by. Returns what tells the event; `undefined` where there is nothing to
 * tell, or where it has been concluded and told before.
 */
export function noteContainerEvent(
  message: Message,
  client: DockerClient,
): ((signal: AbortSignal) => ReturnType<Tell>) | undefined {
  const { event, action } = message
  const tell = TABLE.get(action)
  if (tell === undefined || !client.inventory.isWanted(event.attributes.name ?? '')) return undefined
  const history = client.history.container(event.actor)
  // Its removal may have been concluded before the engine tells of it.
  if (action === 'destroy' && client.history.isRemoved(event.actor)) return undefined
  if (action === 'destroy') {
    client.inventory.removed(event.actor)
    client.history.remove(event.actor)
  } else client.inventory.changed(event.actor)
  // Told later, perhaps after the next run has begun: what is known of this one is taken now.
  const { killedAt, outOfMemory, told } = history
  const before = { killedAt, outOfMemory, startedAt: told.start?.at, endedBefore: told.die?.at }
  if (isMilestone(action) && noteMilestone(history, action, message)) return undefined
  if (action === 'health_status' && !noteHealth(history, message)) return undefined
  const known = client.inventory.lastKnown(event.actor)
  const ends = action === 'die' ? noteEnd(history, message, before, known) : undefined
  if (action === 'kill' && asksToEnd(event.attributes.signal, known?.stopSignal))
    history.killedAt = message.at.getTime()
  // Newer engines say so before the end, older ones after it: then the next start takes it back.
  if (action === 'stop') history.killedAt = message.at.getTime()
  if (action === 'oom') history.outOfMemory = true
  if (action === 'start' && isLoop(history.ends, message.at)) return undefined
  return (signal) => tell(message, client, signal, { ...before, ends })
}

/** Counts an end that may be one of a loop: nobody asked for it, and the program failed, or the engine starts it again. */
function noteEnd(
  history: ContainerHistory,
  { event, at }: Message,
  before: Omit<RunBefore, 'ends'>,
  known: ContainerDetails | undefined,
): EndCount | undefined {
  const { exitCode } = event.attributes
  const isFailure = before.outOfMemory || (exitCode !== undefined && exitCode !== '0')
  const isRepeated = ['always', 'unless-stopped'].includes(known?.restartPolicy ?? '')
  if (isRequested(before, at) || !(isFailure || isRepeated)) return undefined
  history.ends = countEnd(history.ends, at)
  return history.ends
}

function isMilestone(action: string): action is Milestone {
  return action === 'create' || action === 'start' || action === 'die'
}

/** Whether it was told before. */
function noteMilestone(history: ContainerHistory, milestone: Milestone, message: Message): boolean {
  const [at, isConcluded] = [message.at.getTime(), message.event.isConcluded === true]
  if (!isConcluded && wasConcluded(history, milestone, at)) return true
  history.told[milestone] = { at, isConcluded }
  if (milestone === 'start') {
    history.killedAt = undefined
    history.outOfMemory = false
    history.health = undefined
  }
  return false
}

/** Whether it is another one: Podman tells what every single check has found. */
function noteHealth(history: ContainerHistory, { detail }: Message): boolean {
  if (detail === 'starting' || detail === history.health) return false
  history.health = detail
  return true
}

async function imageOf({ event }: Message, { inventory }: DockerClient, signal: AbortSignal) {
  const known = inventory.lastKnown(event.actor)
  if (known === undefined) return { 'container.image.name': event.attributes.image }
  return imageAttributes(known, await inventory.image(known.imageId, signal).catch(() => undefined))
}

async function healthChanged(message: Message, client: DockerClient, signal: AbortSignal): Promise<Event> {
  const isUnhealthy = message.detail === 'unhealthy'
  const container = await lookAt(message.event.actor, client, signal)
  const health = container?.state.health
  const output = isUnhealthy ? health?.lastOutput : undefined
  return signals.containerHealthChanged.event({
    ...occurrence(message, client, `is ${message.detail}`, {
      'container.health': message.detail,
      'container.health.failing_streak': health?.failingStreak,
      'container.health.output':
        output === undefined ? undefined : withoutSecrets(output, container?.environment).slice(0, LONGEST_OUTPUT),
    }),
    severity: isUnhealthy ? 'warning' : 'info',
  })
}
