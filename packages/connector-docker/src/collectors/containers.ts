import {
  type Collector,
  type EntityReference,
  type MetricDefinition,
  matching,
  mergeSignals,
  type Signals,
  withoutSecrets,
} from '@rca/core/connector'
import {
  composeId,
  composeServiceOf,
  containerAttributes,
  describeMount,
  describePort,
  environmentNames,
  imageAttributes,
  volumeId,
} from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, ImageDetails } from '../engine/engine-api.ts'
import { signals } from '../signals.ts'

/** Every container in every state, their images, and the compose services that they stand for. */
export const containers: Collector<DockerClient> = {
  async collect(client, { signal, now }) {
    const all = await client.inventory.containers(signal)
    const images = new Map<string, ImageDetails | undefined>()
    for (const { imageId } of all)
      if (imageId !== '' && !images.has(imageId)) images.set(imageId, await client.inventory.image(imageId, signal))
    const isWantedLabel = matching(client.config.container_labels)
    return mergeSignals([
      ...all.map((container) =>
        toSignals(container, images.get(container.imageId), client.entity, isWantedLabel, now()),
      ),
      ...[...images.values()].map(imageSignals),
      composeSignals(all, client.entity),
      { gaps: client.inventory.unreadable().map(({ id, reason }) => ({ scope: `container:${id}`, reason })) },
    ])
  },
}

function toSignals(
  container: ContainerDetails,
  image: ImageDetails | undefined,
  engine: EntityReference,
  isWantedLabel: (name: string) => boolean,
  now: Date,
): Signals {
  const { state, limits } = container
  const labels = Object.entries(container.labels).filter(([name]) => isWantedLabel(name))
  const isRunning = state.status === 'running' || state.status === 'paused'
  const hasEnded = !isRunning && state.finishedAt !== undefined
  const entity = signals.container.entity({
    id: container.id,
    name: container.name,
    attributes: {
      ...containerAttributes(container),
      ...imageAttributes(container, image),
      'container.state': state.status,
      'container.health': state.health?.status,
      'container.created': container.created || undefined,
      'container.started_at': state.startedAt,
      'container.finished_at': state.finishedAt,
      'container.exit_code': hasEnded || state.error !== undefined ? state.exitCode : undefined,
      'container.error': state.error === undefined ? undefined : withoutSecrets(state.error, container.environment),
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
      ...Object.fromEntries(labels.map(([name, value]) => [`container.label.${name}` as const, value])),
    },
    relations: relationsOf(container, engine),
  })
  const point = (definition: MetricDefinition<Record<never, string>>, value: number | undefined) =>
    definition.point(value, entity)
  return {
    entities: [entity],
    metrics: [
      point(signals.restarts, container.restartCount),
      point(signals.uptime, isRunning ? secondsSince(state.startedAt, now) : undefined),
      point(signals.healthFailingStreak, isRunning ? state.health?.failingStreak : undefined),
    ],
  }
}

function relationsOf({ imageId, networks, mounts, labels }: ContainerDetails, engine: EntityReference) {
  const compose = composeServiceOf(labels)
  return [
    { type: 'runs_on' as const, target: engine },
    ...(imageId === '' ? [] : [{ type: 'runs_image' as const, target: signals.image.reference(imageId) }]),
    ...Object.values(networks)
      .filter((id) => id !== '')
      .map((id) => ({ type: 'attached_to' as const, target: signals.network.reference(id) })),
    ...mounts.flatMap(({ type, name }) =>
      type === 'volume' && name !== undefined
        ? [{ type: 'mounts' as const, target: signals.volume.reference(volumeId(engine, name)) }]
        : [],
    ),
    ...(compose === undefined
      ? []
      : [
          {
            type: 'part_of' as const,
            target: signals.composeService.reference(composeId(engine, compose)),
          },
        ]),
  ]
}

/** Not less than 0: the engine's clock may be ahead. */
function secondsSince(moment: string | undefined, now: Date): number | undefined {
  const since = Date.parse(moment ?? '')
  return Number.isNaN(since) ? undefined : Math.max(0, (now.getTime() - since) / 1000)
}

function imageSignals(image: ImageDetails | undefined): Signals {
  if (image === undefined) return {}
  const name = image.tags[0] ?? image.digests[0] ?? image.id
  return {
    entities: [
      signals.image.entity({
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

function composeSignals(all: readonly ContainerDetails[], engine: EntityReference): Signals {
  const services = new Map(
    all.flatMap(({ labels }) => {
      const compose = composeServiceOf(labels)
      return compose === undefined ? [] : [[composeId(engine, compose), compose] as const]
    }),
  )
  const projects = new Set([...services.values()].map(({ project }) => project))
  return {
    entities: [
      ...[...services].map(([id, { project, service }]) =>
        signals.composeService.entity({
          id,
          name: service,
          attributes: { 'docker.compose.project': project, 'docker.compose.service': service },
          relations: [{ type: 'part_of', target: signals.composeProject.reference(composeId(engine, { project })) }],
        }),
      ),
      ...[...projects].map((project) =>
        signals.composeProject.entity({
          id: composeId(engine, { project }),
          name: project,
          attributes: { 'docker.compose.project': project },
          relations: [{ type: 'runs_on', target: engine }],
        }),
      ),
    ],
  }
}
