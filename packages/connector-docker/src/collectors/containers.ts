import {
  type Collector,
  type EntityReference,
  entity,
  includeNames,
  type MetricDefinition,
  mergeSignals,
  metric,
  redactSecrets,
  type Signals,
} from '@rca/core/connector'
import { composeEntities, composeId, composeServiceOf, composeSignals } from '../compose.ts'
import {
  containerAttributeNames,
  containerAttributes,
  describeMount,
  describePort,
  environmentNames,
  imageAttributeNames,
  imageAttributes,
  volumeId,
} from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, ImageDetails } from '../engine/engine-api.ts'
import { networkSignals } from './networks.ts'
import { volumeSignals } from './volumes.ts'

export const containerSignals = {
  container: entity({
    type: 'container',
    description: 'A container in any state.',
    attributes: {
      ...containerAttributeNames,
      ...imageAttributeNames,
      'container.state': '`created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.',
      'container.health': '`starting`, `healthy` or `unhealthy`. Absent without a health check.',
      'container.created': 'Creation time. ISO 8601.',
      'container.started_at': 'Start of the latest run. ISO 8601.',
      'container.finished_at': 'End of the last finished run. ISO 8601.',
      'container.exit_code': 'Exit code of the last finished run.',
      'container.image.outdated': 'Whether the tag from which it was created has another image now.',
      'container.error': 'Error of the last failed start, without secrets.',
      'container.oom_killed': 'Whether the last finished run was killed because it ran out of memory.',
      'container.restart_policy': '`no`, `always`, `unless-stopped` or `on-failure`.',
      'container.restart_count': 'Number of restarts by the restart policy.',
      'container.privileged': 'Whether the container is privileged.',
      'container.network_mode': 'Network mode, such as `bridge` or `host`.',
      'container.environment_names': 'Names of the environment variables. Their values never leave the host.',
      'container.ports': 'Ports, as `0.0.0.0:8080->80/tcp`; unpublished ports as `80/tcp`.',
      'container.mounts': 'Mounts, as `type:source:destination:rw`.',
      'container.limit.memory': 'Memory limit, in bytes.',
      'container.limit.cpu': 'CPU limit, in CPUs.',
      'container.limit.pids': 'Limit of processes.',
      'container.label.*': 'Labels that `container_labels` selects.',
    },
    relations: {
      runs_on: 'The engine.',
      runs_image: 'Its image.',
      attached_to: 'Its networks.',
      mounts: 'Its volumes.',
      part_of: 'Its Compose service.',
    },
  }),
  image: entity({
    type: 'container.image',
    description: 'An image that at least one container uses.',
    attributes: {
      ...imageAttributeNames,
      'container.image.created': 'Build time. ISO 8601.',
      'container.image.size': 'Size in bytes.',
      'host.arch': 'Architecture of the image.',
      'os.type': 'Operating system of the image.',
    },
  }),
  restarts: metric({
    name: 'container.restarts',
    unit: '{restart}',
    kind: 'counter',
    description: 'Number of restarts by the restart policy.',
  }),
  uptime: metric({
    name: 'container.uptime',
    unit: 's',
    kind: 'gauge',
    description: 'Time since the start of a running container.',
  }),
  healthFailingStreak: metric({
    name: 'container.health.failing_streak',
    unit: '{check}',
    kind: 'gauge',
    description: 'Consecutive failed health checks.',
  }),
}

/** Collects the containers in every state, their images and their Compose services. */
export const containers: Collector<DockerClient> = {
  async collect(client, { signal, now }) {
    const all = await client.inventory.listContainers(signal)
    const images = new Map<string, ImageDetails | undefined>()
    const outdated = new Set<string>()
    for (const { imageId } of all)
      if (imageId !== '' && !images.has(imageId)) images.set(imageId, await client.inventory.image(imageId, signal))
    for (const container of all) {
      const current = await client.inventory.currentImage(container, signal)
      if (current !== undefined && current.id !== container.imageId) outdated.add(container.id)
    }
    const isIncludedLabel = includeNames(client.config.container_labels)
    return mergeSignals([
      ...all.map((container) =>
        toSignals(container, images.get(container.imageId), outdated.has(container.id), {
          engine: client.entity,
          isIncludedLabel,
          now: client.clock.toEngineTime(now()),
        }),
      ),
      ...[...images.values()].map(imageSignals),
      composeEntities(all, client.entity),
      {
        gaps: client.inventory.unreadable().map(({ id, reason }) => ({ scope: `container:${id}`, reason })),
        unread: client.inventory.unreadable().map(({ id }) => ({ type: 'container', id })),
      },
    ])
  },
}

interface EntityContext {
  readonly engine: EntityReference
  readonly isIncludedLabel: (name: string) => boolean
  readonly now: Date
}

function toSignals(
  container: ContainerDetails,
  image: ImageDetails | undefined,
  isOutdated: boolean,
  { engine, isIncludedLabel, now }: EntityContext,
): Signals {
  const { state, limits } = container
  const isRunning = state.status === 'running' || state.status === 'paused'
  const hasEnded = !isRunning && state.finishedAt !== undefined
  const entity = containerSignals.container.entity({
    id: container.id,
    name: container.name,
    attributes: {
      ...containerAttributes(container),
      ...imageAttributes(container, image),
      'container.image.outdated': isOutdated || undefined,
      'container.state': state.status,
      'container.health': state.health?.status,
      'container.created': container.created || undefined,
      'container.started_at': state.startedAt,
      'container.finished_at': state.finishedAt,
      'container.exit_code': hasEnded || state.error !== undefined ? state.exitCode : undefined,
      'container.error': state.error === undefined ? undefined : redactSecrets(state.error, container.environment),
      'container.oom_killed': hasEnded ? state.outOfMemory : undefined,
      'container.restart_policy': container.restartPolicy,
      'container.restart_count': container.restartCount,
      'container.privileged': container.privileged,
      'container.network_mode': container.networkMode,
      'container.environment_names': environmentNames(container.environment),
      'container.ports': container.ports.map(describePort),
      'container.mounts': container.mounts.map(describeMount),
      'container.limit.memory': limits.memory,
      'container.limit.cpu': limits.cpus,
      'container.limit.pids': limits.pids,
      ...labelsOf(container, isIncludedLabel),
    },
    relations: relationsOf(container, engine),
  })
  const point = (definition: MetricDefinition<Record<never, string>>, value: number | undefined) =>
    definition.point(value, entity)
  return {
    entities: [entity],
    metrics: [
      point(containerSignals.restarts, container.restartCount),
      point(containerSignals.uptime, isRunning ? secondsSince(state.startedAt, now) : undefined),
      point(containerSignals.healthFailingStreak, isRunning ? state.health?.failingStreak : undefined),
    ],
  }
}

/** Redacted labels of containers, which are inspected again when they change. */
const labelsOfContainers = new WeakMap<ContainerDetails, Readonly<Record<`container.label.${string}`, string>>>()

function labelsOf(container: ContainerDetails, isIncluded: (name: string) => boolean) {
  const known = labelsOfContainers.get(container)
  if (known !== undefined) return known
  const labels = Object.entries(container.labels)
    .filter(([name]) => isIncluded(name))
    .map(([name, value]) => [`container.label.${name}` as const, redactSecrets(value, container.environment)])
  const redacted = Object.fromEntries(labels) as Record<`container.label.${string}`, string>
  labelsOfContainers.set(container, redacted)
  return redacted
}

function relationsOf({ imageId, networks, mounts, labels }: ContainerDetails, engine: EntityReference) {
  const compose = composeServiceOf(labels)
  return [
    { type: 'runs_on' as const, target: engine },
    ...(imageId === '' ? [] : [{ type: 'runs_image' as const, target: containerSignals.image.reference(imageId) }]),
    ...Object.values(networks)
      .filter((id) => id !== '')
      .map((id) => ({ type: 'attached_to' as const, target: networkSignals.network.reference(id) })),
    ...mounts.flatMap(({ type, name }) =>
      type === 'volume' && name !== undefined
        ? [{ type: 'mounts' as const, target: volumeSignals.volume.reference(volumeId(engine, name)) }]
        : [],
    ),
    ...(compose === undefined
      ? []
      : [
          {
            type: 'part_of' as const,
            target: composeSignals.composeService.reference(composeId(engine, compose)),
          },
        ]),
  ]
}

/** Never negative: the engine's clock may be ahead of this one. */
function secondsSince(moment: string | undefined, now: Date): number | undefined {
  const since = Date.parse(moment ?? '')
  return Number.isNaN(since) ? undefined : Math.max(0, (now.getTime() - since) / 1000)
}

function imageSignals(image: ImageDetails | undefined): Signals {
  if (image === undefined) return {}
  const name = image.tags[0] ?? image.digests[0] ?? image.id
  return {
    entities: [
      containerSignals.image.entity({
        id: image.id,
        name,
        attributes: {
          'container.image.name': name,
          'container.image.id': image.id,
          'container.image.tags': image.tags,
          'container.image.repo_digests': image.digests,
          'container.image.created': image.created,
          'container.image.size': image.size,
          'host.arch': image.architecture,
          'os.type': image.os,
        },
      }),
    ],
  }
}
