import { type Event, event, redactSecrets } from '@rca/core/connector'
import { containerAttributeNames, imageAttributeNames } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { stepAttributeNames } from './change-steps.ts'
import { describeChange } from './container-change.ts'
import {
  describeExit,
  isStopRequested,
  mayBeStopRequested,
  type RunHistory,
  SIGKILL_EXIT_CODE,
} from './container-exit.ts'
import { containerEventFields, type EngineMessage, imageAttributesOf, inspectOrLastKnown } from './engine-message.ts'
import type { ContainerHistory, Milestone } from './event-history.ts'
import { wasInferred } from './missed-events.ts'
import { isReportedWithExit, noOomKill, OOM_REPORT_TIMEOUT_MS, type OomKill } from './oom-kill.ts'
import { withoutShadowedAttributes } from './shadowed-attributes.ts'
import { isStopSignal, nameOfSignal } from './signals.ts'

export const containerEventSignals = {
  containerCreated: event({
    name: 'container.created',
    severity: 'info',
    description: 'A container was created.',
    attributes: { ...containerAttributeNames, ...imageAttributeNames },
  }),
  containerStarted: event({
    name: 'container.started',
    severity: 'info',
    description: 'A container was started.',
    attributes: { ...stepAttributeNames, ...imageAttributeNames },
  }),
  containerOutOfMemory: event({
    name: 'container.oom',
    severity: 'critical',
    description: 'The kernel killed a process of a container that reached its memory limit, and the container goes on.',
    attributes: { ...containerAttributeNames, 'container.limit.memory': 'Memory limit, in bytes.' },
  }),
  containerKilled: event({
    name: 'container.killed',
    severity: 'info',
    description: 'A signal was sent to a container.',
    attributes: { ...stepAttributeNames, 'container.signal': 'The signal, such as `SIGTERM`.' },
  }),
  containerStopped: event({
    name: 'container.stopped',
    severity: 'info',
    description: 'A container was stopped by request.',
    attributes: stepAttributeNames,
  }),
  containerRestarted: event({
    name: 'container.restarted',
    severity: 'info',
    description: 'A container was restarted by request.',
    attributes: containerAttributeNames,
  }),
  containerPaused: event({
    name: 'container.paused',
    severity: 'info',
    description: 'A container was paused.',
    attributes: containerAttributeNames,
  }),
  containerUnpaused: event({
    name: 'container.unpaused',
    severity: 'info',
    description: 'A paused container was resumed.',
    attributes: containerAttributeNames,
  }),
  containerHealthChanged: event({
    name: 'container.health_changed',
    severity: 'info',
    description: 'The health of a container changed.',
    attributes: {
      ...stepAttributeNames,
      'container.health': '`healthy` or `unhealthy`.',
      'container.health.failing_streak': 'Consecutive failed health checks.',
      'container.health.output': 'Output of the last failed check, without secrets.',
    },
  }),
  containerRemoved: event({
    name: 'container.removed',
    severity: 'info',
    description: 'A container was removed.',
    attributes: { ...stepAttributeNames, ...imageAttributeNames },
  }),
  containerRenamed: event({
    name: 'container.renamed',
    severity: 'info',
    description: 'A container was renamed.',
    attributes: { ...stepAttributeNames, 'container.previous_name': 'Previous name.' },
  }),
}

/** Builds the events of an engine event. Does not reject when the engine does not answer. */
type Describe = (
  message: EngineMessage,
  client: DockerClient,
  signal: AbortSignal,
  run: RunHistory,
) => Promise<readonly (Event | undefined)[]>

/** Characters. */
const MAX_HEALTH_OUTPUT_LENGTH = 4096

/** Reported container events. Executions in a container, attachments and copies are not reported. */
const DESCRIBERS: ReadonlyMap<string, Describe> = new Map(
  Object.entries<Describe>({
    create: async (message, client, signal) => {
      const change = await describeChange(message, client, signal)
      const fields = containerEventFields(message, client, 'was created', await imageOf(message, client, signal))
      return [containerEventSignals.containerCreated.event(fields), change]
    },
    start: async (message, client, signal) => {
      const container = await inspectOrLastKnown(message.raw.actor, client, signal)
      if (container?.autoRemove === true) client.keptLogs.follow(container.id)
      const fields = containerEventFields(message, client, 'was started', await imageOf(message, client, signal))
      const { isUncompared } = client.history.ofContainer(message.raw.actor)
      const change = isUncompared ? await describeChange(message, client, signal) : undefined
      return [change, containerEventSignals.containerStarted.event(fields)]
    },
    die: async (message, client, signal, run) => [await describeExit(message, client, signal, run)],
    oom: async (message, client, signal, { oomKill }) => {
      const what = 'ran out of memory: the kernel killed a process in it'
      const known = client.inventory.lastKnown(message.raw.actor)
      if (known !== undefined) client.usage.takeOomKill(known)
      if (await isReportedWithExit(oomKill, signal)) return []
      const limit = known?.limits.memory
      const fields = containerEventFields(message, client, what, { 'container.limit.memory': limit })
      return [containerEventSignals.containerOutOfMemory.event(fields)]
    },
    kill: async (message, client) => {
      // Podman does not report the signal.
      const name = nameOfSignal(message.raw.attributes.signal)
      const what = `was sent ${name ?? 'a signal'}`
      const fields = containerEventFields(message, client, what, { 'container.signal': name })
      return [containerEventSignals.containerKilled.event(fields)]
    },
    stop: async (message, client) => [
      containerEventSignals.containerStopped.event(containerEventFields(message, client, 'was stopped by request', {})),
    ],
    restart: async (message, client) => [
      containerEventSignals.containerRestarted.event(
        containerEventFields(message, client, 'was restarted by request', {}),
      ),
    ],
    pause: async (message, client) => [
      containerEventSignals.containerPaused.event(containerEventFields(message, client, 'was paused', {})),
    ],
    unpause: async (message, client) => [
      containerEventSignals.containerUnpaused.event(containerEventFields(message, client, 'was resumed', {})),
    ],
    health_status: async (message, client, signal) => [await healthEvent(message, client, signal)],
    destroy: async (message, client, signal) => {
      const fields = containerEventFields(message, client, 'was removed', await imageOf(message, client, signal))
      return [containerEventSignals.containerRemoved.event(fields)]
    },
    rename: async (message, client) => {
      const previous = message.raw.attributes.oldName?.replace(/^\//, '')
      const what = previous === undefined ? 'was renamed' : `was renamed from ${previous}`
      const fields = containerEventFields(message, client, what, { 'container.previous_name': previous })
      return [containerEventSignals.containerRenamed.event(fields)]
    },
    update: async (message, client, signal) => [await describeChange(message, client, signal)],
  }),
)

/**
 * Updates the history and the inventory at once. Returns a function that builds the events, or `undefined` for an event
 * that is not reported, or that was inferred before.
 */
export function handleContainerEvent(
  received: EngineMessage,
  client: DockerClient,
): ((signal: AbortSignal) => ReturnType<Describe>) | undefined {
  const describe = DESCRIBERS.get(received.action)
  const known = client.inventory.lastKnown(received.raw.actor)
  const name = received.raw.attributes.name ?? known?.name ?? ''
  if (describe === undefined || !client.inventory.isIncluded(name)) return undefined
  const history = client.history.ofContainer(received.raw.actor)
  const message = withoutShadowedAttributes(received, known?.labels, history)
  const { raw, action } = message
  // The removal may have been inferred before the engine reports it.
  if (action === 'destroy' && client.history.isRemoved(raw.actor)) return undefined
  if (action === 'destroy') {
    client.inventory.markRemoved(raw.actor)
    client.history.remove(raw.actor)
  } else client.inventory.markChanged(raw.actor)
  // Taken now: the next run may have begun when the event is built.
  const { stopRequestedAt, unknownSignalAt, reported } = history
  const oomKill = action === 'oom' ? runOfOomKill(history, message) : history.oomKill
  const run = {
    stopRequestedAt,
    unknownSignalAt,
    oomKill,
    startedAt: reported.start?.at,
    previousEndedAt: reported.die?.at,
  }
  if (isMilestone(action) && !recordMilestone(history, action, message)) return undefined
  if (action === 'health_status' && !recordHealth(history, message)) return undefined
  if (action === 'restart' && isPolicyRestart(history, known)) return undefined
  if (action === 'kill' && history.shadowed.has('signal')) history.unknownSignalAt = message.at.getTime()
  else if (action === 'kill' && isStopSignal(raw.attributes.signal, known?.stopSignal))
    history.stopRequestedAt = message.at.getTime()
  // Newer engines send `stop` before the exit. Older ones send it after the exit; the next start resets it then.
  if (action === 'stop') history.stopRequestedAt = message.at.getTime()
  if (action === 'oom') oomKill.report(message.at)
  if (action === 'die' && !isStopRequested(run, message.at)) oomKill.end()
  if (action === 'die') history.killedRun = isUnrequestedKill(message, run) ? oomKill : undefined
  if (action === 'start' && client.history.isInRestartLoop(raw.actor, message.at)) return undefined
  if (action !== 'die' || !mayBeInLoop(message, run, known)) return (signal) => describe(message, client, signal, run)
  const sample = client.history.sampleExit(raw.actor, message.at)
  if (sample === undefined) return undefined
  return (signal) => describe(message, client, signal, { ...run, loop: sample.isMilestone ? sample : undefined })
}

function isUnrequestedKill({ raw, at }: EngineMessage, run: RunHistory): boolean {
  const { exitCode = `${SIGKILL_EXIT_CODE}` } = raw.attributes
  return exitCode === `${SIGKILL_EXIT_CODE}` && !isStopRequested(run, at)
}

/** Returns the run of an OOM kill. The engine may report it after the exit, when the next run has already begun. */
function runOfOomKill({ killedRun, oomKill, reported }: ContainerHistory, { at }: EngineMessage): OomKill {
  const sinceExit = at.getTime() - (reported.die?.at ?? 0)
  return killedRun?.isReported === false && sinceExit <= OOM_REPORT_TIMEOUT_MS ? killedRun : oomKill
}

/** Returns whether an exit may belong to a restart loop: not requested, but failed or repeated by the policy. */
function mayBeInLoop({ raw, at }: EngineMessage, run: RunHistory, known: ContainerDetails | undefined): boolean {
  const { exitCode } = raw.attributes
  const isFailure = run.oomKill.isReported || (exitCode !== undefined && exitCode !== '0')
  const isRepeated = ['always', 'unless-stopped'].includes(known?.restartPolicy ?? '')
  return !mayBeStopRequested(run, at) && (isFailure || isRepeated)
}

/** Returns whether the policy restarts an ended container. Podman announces it; a request comes before the end. */
function isPolicyRestart({ reported }: ContainerHistory, known: ContainerDetails | undefined): boolean {
  return known?.restartPolicy !== 'no' && (reported.die?.at ?? 0) > (reported.start?.at ?? 0)
}

function isMilestone(action: string): action is Milestone {
  return action === 'create' || action === 'start' || action === 'die'
}

/** Records a milestone. Returns `false` for one that was inferred and reported before. */
function recordMilestone(history: ContainerHistory, milestone: Milestone, message: EngineMessage): boolean {
  const [at, isInferred] = [message.at.getTime(), message.raw.isInferred === true]
  if (!isInferred && wasInferred(history, milestone, at)) return false
  history.reported[milestone] = { at, isInferred }
  if (milestone === 'start') {
    history.stopRequestedAt = undefined
    history.unknownSignalAt = undefined
    history.oomKill = noOomKill()
    history.health = undefined
    history.startError = undefined
  }
  return true
}

/** Records the health. Returns `false` when it is unchanged: Podman sends the result of every check. */
function recordHealth(history: ContainerHistory, { detail }: EngineMessage): boolean {
  if (detail === 'starting' || detail === history.health) return false
  history.health = detail
  return true
}

function imageOf(message: EngineMessage, client: DockerClient, signal: AbortSignal) {
  return imageAttributesOf(message, client, client.inventory.lastKnown(message.raw.actor), signal)
}

async function healthEvent(message: EngineMessage, client: DockerClient, signal: AbortSignal): Promise<Event> {
  const isUnhealthy = message.detail === 'unhealthy'
  const container = await inspectOrLastKnown(message.raw.actor, client, signal)
  const health = container?.state.health
  const output = isUnhealthy ? health?.lastOutput : undefined
  return containerEventSignals.containerHealthChanged.event({
    ...containerEventFields(message, client, `is ${message.detail}`, {
      'container.health': message.detail,
      'container.health.failing_streak': health?.failingStreak,
      'container.health.output':
        output && redactSecrets(output, container?.environment).slice(0, MAX_HEALTH_OUTPUT_LENGTH),
    }),
    severity: isUnhealthy ? 'warning' : 'info',
  })
}
