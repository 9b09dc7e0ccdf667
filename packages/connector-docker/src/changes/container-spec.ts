import { composeServiceOf, describeMount, describePort } from '../container-attributes.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'

/** How a container was set up, as far as another one in its place may differ. Holds no secret: values are keyed hashes. */
export interface ContainerShape {
  readonly id: string
  readonly image: string
  readonly imageId: string
  readonly command: string
  /** Name → keyed hash of the value. */
  readonly environment: Readonly<Record<string, string>>
  readonly limits: Readonly<Record<string, number | undefined>>
  readonly mounts: readonly string[]
  readonly ports: readonly string[]
  readonly settings: Readonly<Record<string, string>>
}

/** A container's shape. */
export function shapeOf(container: ContainerDetails, keyedHash: (text: string) => string): ContainerShape {
  const { limits } = container
  return {
    id: container.id,
    image: container.image,
    imageId: container.imageId,
    command: keyedHash(JSON.stringify(container.command)),
    environment: Object.fromEntries(
      container.environment.filter(isChosen(container)).map((variable) => {
        const [name = ''] = variable.split('=', 1)
        // With the name: equal values of two variables are not seen to be equal.
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
    // Anonymous volumes have another name in every container.
    mounts: container.mounts.map((mount) =>
      describeMount(/^[0-9a-f]{64}$/.test(mount.name ?? '') ? { ...mount, name: undefined, source: undefined } : mount),
    ),
    // Not as they are: a port that the engine chose is another one each time, and none is known before the start.
    ports: container.publishedPorts.map(describePort),
    settings: {
      restart_policy: container.restartPolicy ?? '',
      privileged: String(container.privileged),
      network_mode: (container.networkMode ?? '').replace(/^container:.*/, 'container'),
      log_driver: container.logDriver ?? '',
    },
  }
}

/** Podman gives every container its own id as a variable. */
function isChosen({ id }: ContainerDetails): (variable: string) => boolean {
  const given = `HOSTNAME=${id.slice(0, 12)}`
  return (variable) => variable !== given
}

/** The place that a container takes: that of its compose service, or its name. */
export function placeOf({ name, labels }: Pick<ContainerDetails, 'name' | 'labels'>): string {
  const compose = composeServiceOf(labels)
  // What `docker compose run` starts stands beside the service's containers, and is numbered as the first of them.
  const isBeside = labels['com.docker.compose.oneoff'] === 'True'
  return compose === undefined || isBeside
    ? `name/${name}`
    : `compose/${compose.project}/${compose.service}/${compose.number}`
}
