import { composeServiceOf } from '../compose.ts'
import { describeMount, describePort } from '../container-attributes.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'

/** Configuration of a container, for comparison with its successor. Contains no secrets: values are keyed hashes. */
export interface ContainerSpec {
  readonly id: string
  readonly image: string
  readonly imageId: string
  readonly command: string
  readonly environment: Readonly<Record<string, string>>
  readonly limits: Readonly<Record<string, number | undefined>>
  readonly mounts: readonly string[]
  readonly ports: readonly string[]
  readonly settings: Readonly<Record<string, string>>
}

export function specOf(container: ContainerDetails, keyedHash: (text: string) => string): ContainerSpec {
  const { limits } = container
  return {
    id: container.id,
    image: container.image,
    imageId: container.imageId,
    command: keyedHash(JSON.stringify(container.command)),
    environment: Object.fromEntries(
      container.environment.filter(isOwnVariable(container)).map((variable) => {
        const [name = ''] = variable.split('=', 1)
        // Includes the name, so that equal values of two variables have different hashes.
        return [name, keyedHash(variable)]
      }),
    ),
    limits: {
      memory: limits.memory,
      memory_reservation: limits.memoryReservation,
      memory_swap: limits.memorySwap,
      cpus: limits.cpus,
      cpu_shares: limits.cpuShares,
      pids: limits.pids,
    },
    // Anonymous volumes have a different name in every container.
    mounts: container.mounts.map((mount) =>
      describeMount(/^[0-9a-f]{64}$/.test(mount.name ?? '') ? { ...mount, name: undefined, source: undefined } : mount),
    ),
    // Requested ports: a port that the engine chooses differs each time, and is unknown before the start.
    ports: container.publishedPorts.map(describePort),
    settings: {
      restart_policy: container.restartPolicy ?? '',
      privileged: String(container.privileged),
      network_mode: (container.networkMode ?? '').replace(/^container:.*/, 'container'),
      log_driver: container.logDriver ?? '',
    },
  }
}

/** Excludes the variable in which Podman writes the container's id. */
function isOwnVariable({ id }: ContainerDetails): (variable: string) => boolean {
  const given = `HOSTNAME=${id.slice(0, 12)}`
  return (variable) => variable !== given
}

/** Returns the slot that a successor takes over: the swarm or Compose service and number, or the name. */
export function slotOf({ name, labels }: Pick<ContainerDetails, 'name' | 'labels'>): string {
  const swarm = swarmSlotOf(labels)
  if (swarm !== undefined) return swarm
  const compose = composeServiceOf(labels)
  // Containers of `docker compose run` are not replicas of the service, but have the number of its first one.
  const isOneOff = labels['com.docker.compose.oneoff'] === 'True'
  return compose === undefined || isOneOff
    ? nameSlotOf({ name })
    : `compose/${compose.project}/${compose.service}/${compose.number}`
}

/** Returns the slot of a swarm task: tasks are named `service.slot.id`. `undefined` for other containers. */
export function swarmSlotOf(labels: Labels): string | undefined {
  const [service, task] = [labels['com.docker.swarm.service.name'], labels['com.docker.swarm.task.name']]
  if (!service || !task?.startsWith(`${service}.`)) return undefined
  return `swarm/${service}/${task.slice(service.length + 1).split('.', 1)[0]}`
}

/** Returns the slot of a container's name. */
export function nameSlotOf({ name }: Pick<ContainerDetails, 'name'>): string {
  return `name/${name}`
}

/** Returns whether all Compose labels of a container come from its image, committed from another container. */
export function hasInheritedCompose(labels: Labels, imageLabels: Labels): boolean {
  const own = Object.entries(labels).filter(([name]) => name.startsWith('com.docker.compose.'))
  return own.every(([name, value]) => imageLabels[name] === value)
}

type Labels = Readonly<Record<string, string>>

/** Returns whether two names are equal, or one is the temporary name that Compose uses during a replacement. */
export function isReplacementName(name: string, other: string): boolean {
  return name === other || name.endsWith(`_${other}`) || other.endsWith(`_${name}`)
}

/** Differences between two containers, for the attributes of `container.changed`. */
export interface SpecDifference {
  readonly fields: readonly string[]
  readonly environment: { readonly added: string[]; readonly removed: string[]; readonly changed: string[] }
  readonly limits: readonly string[]
  readonly mounts: { readonly added: string[]; readonly removed: string[] }
  readonly ports: { readonly added: string[]; readonly removed: string[] }
  readonly settings: readonly string[]
}

/** Compares two containers. Returns `undefined` when they are equal. */
export function compareSpecs(before: ContainerSpec, after: ContainerSpec): SpecDifference | undefined {
  const environment = {
    ...addedAndRemoved(Object.keys(before.environment), Object.keys(after.environment)),
    changed: Object.keys(after.environment)
      .filter((name) => Object.hasOwn(before.environment, name) && before.environment[name] !== after.environment[name])
      .toSorted(),
  }
  const limits = changedValues(before.limits, after.limits)
  const mounts = addedAndRemoved(before.mounts, after.mounts)
  const ports = addedAndRemoved(before.ports, after.ports)
  const settings = changedValues(before.settings, after.settings)
  const differs: Readonly<Record<string, boolean>> = {
    image: before.imageId !== after.imageId || before.image !== after.image,
    command: before.command !== after.command,
    environment: Object.values(environment).some((names) => names.length > 0),
    limits: limits.length > 0,
    mounts: mounts.added.length + mounts.removed.length > 0,
    ports: ports.added.length + ports.removed.length > 0,
    settings: settings.length > 0,
  }
  const fields = Object.keys(differs).filter((name) => differs[name])
  return fields.length === 0 ? undefined : { fields, environment, limits, mounts, ports, settings }
}

function addedAndRemoved(before: readonly string[], after: readonly string[]): { added: string[]; removed: string[] } {
  return {
    added: after.filter((item) => !before.includes(item)).toSorted(),
    removed: before.filter((item) => !after.includes(item)).toSorted(),
  }
}

/** Formats changed values as `memory: 512 → 1024`, with `none` for an absent value. */
function changedValues(
  before: Readonly<Record<string, string | number | undefined>>,
  after: Readonly<Record<string, string | number | undefined>>,
): string[] {
  const shown = (value: string | number | undefined): string =>
    value === undefined || value === '' ? 'none' : `${value}`
  return Object.keys(after)
    .filter((name) => before[name] !== after[name])
    .map((name) => `${name}: ${shown(before[name])} → ${shown(after[name])}`)
}
