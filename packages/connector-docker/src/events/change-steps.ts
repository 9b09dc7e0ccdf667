import type { Event } from '@rca/core/connector'
import { containerAttributeNames } from '../container-attributes.ts'

/** Declares the attributes of events that identify a container and may be steps of its change. */
export const stepAttributeNames = {
  ...containerAttributeNames,
  'step.change_id':
    'Id of the event `container.changed` that has this event as a step, such as the stop of the previous container.',
}

/** Maximum time between a change and its steps. */
const MAX_STEP_DELAY_MS = 600_000

/** Steps of a change that are kept for a container. */
const MAX_STEPS = 32

/** Events with which a container ends. */
const ENDING = new Set([
  ...['container.killed', 'container.stopped', 'container.exited', 'container.removed', 'container.renamed'],
  'docker.network.changed',
])

/** Events with which a new container begins, until its first start. */
const BEGINNING = new Set(['container.created', 'container.renamed', 'container.started', 'docker.network.changed'])

/** Events of a container after its first start that belong to its beginning. */
const STARTED = new Set(['container.health_changed'])

/** A change whose further steps are expected from a container. */
interface OpenChange {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Names of the events that are steps. */
  readonly steps: ReadonlySet<string>
}

interface PossibleStep {
  readonly id: string
  readonly at: number
}

/**
 * Marks the steps of recreated containers. The steps before the change, such as the removal of the previous container,
 * are listed in its event; later ones, such as the start of its successor, name the change. Only events of severity
 * `info` are steps, and none follows the first other event of the container, such as a crash or a further stop.
 */
export function createChangeSteps() {
  const recent = new Map<string, readonly PossibleStep[]>()
  const open = new Map<string, OpenChange>()

  const keepRecent = (container: string, event: Event, at: number): void => {
    const { id, name } = event
    const known = recent.get(container) ?? []
    recent.delete(container)
    // Events before a start belong to an earlier end.
    if (name === 'container.started' || id === undefined) return
    const isPossible = event.severity === 'info' && (ENDING.has(name) || BEGINNING.has(name))
    if (isPossible || known.length > 0)
      recent.set(container, [...known, ...(isPossible ? [{ id, at }] : [])].slice(-MAX_STEPS))
  }
  const stepsOf = (container: string, at: number): string[] => {
    const steps = recent.get(container) ?? []
    recent.delete(container)
    return steps.filter((step) => at - step.at <= MAX_STEP_DELAY_MS).map(({ id }) => id)
  }
  const markChange = (event: Event, id: string, [previous, container]: [string, string], at: number): Event => {
    const steps = [...stepsOf(previous, at), ...stepsOf(container, at)].slice(-MAX_STEPS)
    open.set(previous, { id, at, steps: ENDING })
    open.set(container, { id, at, steps: BEGINNING })
    return steps.length === 0 ? event : { ...event, attributes: { ...event.attributes, 'change.steps': steps } }
  }

  return {
    /** Returns the event with its change or its steps. Expects the events in the order in which they are reported. */
    mark: (event: Event): Event => {
      const { 'container.id': container, 'change.previous_container_id': previous } = event.attributes
      if (typeof container !== 'string') return event
      const at = Date.parse(event.at)
      dropOld(recent, at, (steps) => steps.at(-1)?.at)
      dropOld(open, at, (change) => change.at)
      if (typeof previous === 'string' && event.id !== undefined)
        return markChange(event, event.id, [previous, container], at)
      const change = open.get(container)
      if (change === undefined || !isStep(event, change)) {
        open.delete(container)
        keepRecent(container, event, at)
        return event
      }
      if (event.name === 'container.started') open.set(container, { ...change, steps: STARTED })
      return { ...event, attributes: { ...event.attributes, 'step.change_id': change.id } }
    },
  }
}

function isStep({ name, severity }: Event, { steps }: OpenChange): boolean {
  return severity === 'info' && steps.has(name)
}

/** Drops the oldest entries, so that containers that no longer exist are not kept. */
function dropOld<Entry>(map: Map<string, Entry>, now: number, timeOf: (entry: Entry) => number | undefined): void {
  for (const [container, entry] of map) {
    if (now - (timeOf(entry) ?? 0) <= MAX_STEP_DELAY_MS) return
    map.delete(container)
  }
}
