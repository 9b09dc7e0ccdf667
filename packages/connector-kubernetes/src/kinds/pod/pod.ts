import { count, type Fields, fields, flag, list, maybeFields, number, present, text } from '../fields.ts'
import { intern } from '../intern.ts'
import { type Condition, conditionsOf, internText, type Metadata, metadataOf } from '../metadata.ts'
import { type Quantities, quantities } from '../quantity.ts'

/** How a container is. */
export interface ContainerState {
  readonly kind: 'waiting' | 'running' | 'terminated'
  /** `CrashLoopBackOff`, `OOMKilled`, … */
  readonly reason: string | undefined
  /** What the kubelet, or the container itself, says. Unredacted. */
  readonly message: string | undefined
  readonly exitCode: number | undefined
  readonly signal: number | undefined
  readonly startedAt: string | undefined
  readonly finishedAt: string | undefined
  /** Of the run that ended: `containerd://…` */
  readonly containerId: string | undefined
}

/** What a kubelet says of a container. */
export interface ContainerStatus {
  /** `containerd://…` */
  readonly id: string | undefined
  /** `repository@sha256:…` of what really runs. */
  readonly imageId: string | undefined
  readonly isReady: boolean
  readonly isStarted: boolean | undefined
  readonly restarts: number
  readonly state: ContainerState | undefined
  /** How its last run ended. */
  readonly lastState: ContainerState | undefined
  /** What it really has, where that can be changed in place. */
  readonly actual: Resources | undefined
  /** Requests that its node has agreed to, where they can be changed in place. */
  readonly allocated: Quantities | undefined
}

export interface Resources {
  readonly requests: Quantities
  readonly limits: Quantities
}

/** `sidecar`: an init container that runs beside the others. */
export type ContainerKind = 'container' | 'init' | 'sidecar' | 'ephemeral'

export interface PodContainer {
  readonly name: string
  readonly kind: ContainerKind
  readonly image: string
  readonly resources: Resources
  /** Absent until a kubelet has looked at it. */
  readonly status: ContainerStatus | undefined
}

/** What a pod uses besides its containers, by name. */
export interface Mounts {
  readonly claims: readonly string[]
  readonly configMaps: readonly string[]
  readonly secrets: readonly string[]
}

/** What is kept of a pod: no environment, commands, probes or annotations. Those of its workload are looked at. */
export interface Pod extends Metadata {
  readonly phase: string | undefined
  readonly reason: string | undefined
  /** Why it is as it is, such as the reason of an eviction. Unredacted. */
  readonly message: string | undefined
  readonly node: string | undefined
  /** It is being deleted, and its kubelet is done with it or is not waited for: only finalizers keep it. */
  readonly isShutDown: boolean
  readonly hostNetwork: boolean
  readonly qosClass: string | undefined
  readonly priorityClass: string | undefined
  readonly restartPolicy: string | undefined
  readonly startedAt: string | undefined
  readonly ip: string | undefined
  readonly conditions: readonly Condition[]
  /** Resources that all containers share. */
  readonly resources: Resources | undefined
  /** What its runtime class takes besides. */
  readonly overhead: Quantities | undefined
  /** Init containers and sidecars first, in the order in which they start. */
  readonly containers: readonly PodContainer[]
  readonly mounts: Mounts
}

/** @throws Error when it has no name or uid. */
export function projectPod(raw: unknown): Pod {
  const spec = fields(fields(raw).spec)
  const status = fields(fields(raw).status)
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    phase: internText(status.phase),
    reason: internText(status.reason),
    message: text(status.message),
    node: internText(spec.nodeName),
    isShutDown: metadata.deleted !== undefined && fields(fields(raw).metadata).deletionGracePeriodSeconds === 0,
    hostNetwork: flag(spec.hostNetwork) ?? false,
    qosClass: internText(status.qosClass),
    priorityClass: internText(spec.priorityClassName),
    restartPolicy: internText(spec.restartPolicy),
    startedAt: text(status.startTime),
    ip: text(status.podIP),
    conditions: conditionsOf(status),
    resources: maybeResourcesOf(spec),
    overhead: maybeFields(spec.overhead) === undefined ? undefined : intern(quantities(spec.overhead)),
    containers: [
      ...containersOf(spec.initContainers, status.initContainerStatuses, 'init'),
      ...containersOf(spec.containers, status.containerStatuses, 'container'),
      ...containersOf(spec.ephemeralContainers, status.ephemeralContainerStatuses, 'ephemeral'),
    ],
    mounts: mountsOf(spec, metadata.name),
  }
}

/** What a container, or a pod as a whole, asks for and may have. */
export function resourcesOf(holder: Fields): Resources {
  const { requests, limits } = fields(holder.resources)
  return intern({ requests: quantities(requests), limits: quantities(limits) })
}

/** The same, where it says so at all. */
export function maybeResourcesOf(holder: Fields): Resources | undefined {
  return maybeFields(holder.resources) === undefined ? undefined : resourcesOf(holder)
}

/** Since 1.28 an init container that is always restarted runs beside the others. */
export function containerKind(kind: ContainerKind, { restartPolicy }: Fields): ContainerKind {
  return kind === 'init' && restartPolicy === 'Always' ? 'sidecar' : kind
}

/**
 * What the volumes of a pod's specification are made of.
 *
 * @param pod its name, after which claims that live as long as it are called; a template has none
 */
export function mountsOf(spec: Fields, pod?: string): Mounts {
  const volumes = list(spec.volumes)
  const sources = volumes.flatMap((volume) => [volume, ...list(fields(volume.projected).sources)])
  return intern({
    claims: present(
      volumes.map(({ name, persistentVolumeClaim: claim, ephemeral }) =>
        pod === undefined || maybeFields(ephemeral) === undefined
          ? text(fields(claim).claimName)
          : `${pod}-${text(name) ?? ''}`,
      ),
    ),
    configMaps: present(sources.map(({ configMap }) => text(fields(configMap).name))),
    // A volume calls it `secretName`, a projected source `name`.
    secrets: present(sources.map(({ secret }) => text(fields(secret).secretName) ?? text(fields(secret).name))),
  })
}

/** Without the credentials that somebody has put before the registry's name, where no runtime takes them. */
export function imageOf({ image }: Fields): string {
  return intern((text(image) ?? '').replace(/^(?:\w+:\/\/)?[^/@\s]+:[^/@\s]+@(?!\w+:[0-9a-f]{32,}$)/, ''))
}

function containersOf(containers: unknown, statuses: unknown, kind: ContainerKind): PodContainer[] {
  const known = list(statuses)
  return list(containers).map((container) => {
    const status = known.find(({ name }) => name === container.name)
    return {
      name: internText(container.name) ?? '',
      kind: containerKind(kind, container),
      image: imageOf(container),
      resources: resourcesOf(container),
      status: status === undefined ? undefined : statusOf(status),
    }
  })
}

function statusOf(status: Fields): ContainerStatus {
  return {
    id: text(status.containerID),
    imageId: internText(status.imageID),
    isReady: flag(status.ready) ?? false,
    isStarted: flag(status.started),
    restarts: count(status.restartCount),
    state: stateOf(status.state),
    lastState: stateOf(status.lastState),
    actual: maybeResourcesOf(status),
    allocated:
      maybeFields(status.allocatedResources) === undefined ? undefined : intern(quantities(status.allocatedResources)),
  }
}

function stateOf(states: unknown): ContainerState | undefined {
  for (const kind of ['terminated', 'running', 'waiting'] as const) {
    const state = maybeFields(fields(states)[kind])
    if (state === undefined) continue
    return {
      kind,
      reason: internText(state.reason),
      message: text(state.message),
      exitCode: number(state.exitCode),
      signal: number(state.signal),
      startedAt: text(state.startedAt),
      finishedAt: text(state.finishedAt),
      containerId: text(state.containerID),
    }
  }
  return undefined
}
