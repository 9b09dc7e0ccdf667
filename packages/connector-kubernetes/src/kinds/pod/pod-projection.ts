import { count, type Fields, fields, flag, list, maybeFields, number, partsOf, present, text } from '../fields.ts'
import { intern } from '../intern.ts'
import { type Condition, conditionsOf, internText, type Metadata, metadataOf } from '../metadata.ts'
import { type Quantities, quantities } from '../quantity.ts'

export interface ContainerState {
  readonly kind: 'waiting' | 'running' | 'terminated'
  /** `CrashLoopBackOff`, `OOMKilled`, … */
  readonly reason: string | undefined
  /** Message of the kubelet or of the container itself. Unredacted. */
  readonly message: string | undefined
  readonly exitCode: number | undefined
  readonly signal: number | undefined
  readonly startedAt: string | undefined
  readonly finishedAt: string | undefined
  /** ID of the run that ended: `containerd://…` */
  readonly containerId: string | undefined
}

export interface ContainerStatus {
  /** `containerd://…` */
  readonly id: string | undefined
  /** `repository@sha256:…` of the running image. */
  readonly imageId: string | undefined
  readonly isReady: boolean
  readonly isStarted: boolean | undefined
  readonly restarts: number
  readonly state: ContainerState | undefined
  /** State of the previous run. */
  readonly lastState: ContainerState | undefined
  /** Current resources, on servers that can resize in place. */
  readonly actual: Resources | undefined
  /** Requests that the node accepted, on servers that can resize in place. */
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
  /** Absent until a kubelet reports it. */
  readonly status: ContainerStatus | undefined
}

/** Names of the objects that a pod mounts. */
export interface Mounts {
  readonly claims: readonly string[]
  readonly configMaps: readonly string[]
  readonly secrets: readonly string[]
}

/**
 * The part of a pod that is kept: no environment, commands, probes or annotations. Those of its workload are compared
 * instead.
 */
export interface Pod extends Metadata {
  readonly phase: string | undefined
  readonly reason: string | undefined
  /** Explanation of `reason`, such as that of an eviction. Unredacted. */
  readonly message: string | undefined
  readonly node: string | undefined
  /** The pod is being deleted and waits only for finalizers: its kubelet has finished, or is not waited for. */
  readonly isShutDown: boolean
  readonly hostNetwork: boolean
  readonly qosClass: string | undefined
  readonly priorityClass: string | undefined
  readonly restartPolicy: string | undefined
  readonly startedAt: string | undefined
  readonly ip: string | undefined
  readonly conditions: readonly Condition[]
  /** The node cannot give the pod the resources of its specification. */
  readonly isResizeInfeasible: boolean
  /** Names of the gates that keep the scheduler from looking for a node. */
  readonly schedulingGates: readonly string[]
  /** Resources that all containers share. */
  readonly resources: Resources | undefined
  /** Additional resources of the runtime class. */
  readonly overhead: Quantities | undefined
  /** Init containers and sidecars first, in the order in which they start. */
  readonly containers: readonly PodContainer[]
  readonly mounts: Mounts
}

export function projectPod(raw: unknown): Pod {
  const { metadata: rawMetadata, spec, status } = partsOf(raw)
  const metadata = metadataOf(raw)
  const conditions = conditionsOf(status)
  return {
    ...metadata,
    phase: internText(status.phase),
    reason: internText(status.reason),
    message: text(status.message),
    node: internText(spec.nodeName),
    isShutDown: metadata.deleted !== undefined && rawMetadata.deletionGracePeriodSeconds === 0,
    hostNetwork: flag(spec.hostNetwork) ?? false,
    qosClass: internText(status.qosClass),
    priorityClass: internText(spec.priorityClassName),
    restartPolicy: internText(spec.restartPolicy),
    startedAt: text(status.startTime),
    ip: text(status.podIP),
    conditions,
    // Since 1.33 a condition, before a field.
    isResizeInfeasible: status.resize === 'Infeasible' || conditions.some(isInfeasible),
    schedulingGates:
      spec.schedulingGates === undefined ? NONE : intern(present(list(spec.schedulingGates).map(nameOf))),
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

const NONE: readonly string[] = Object.freeze([])

function isInfeasible({ type, status, reason }: Condition): boolean {
  return type === 'PodResizePending' && status === 'True' && reason === 'Infeasible'
}

function nameOf({ name }: Fields): string | undefined {
  return text(name)
}

/** Returns the requests and limits of a container, or of a pod as a whole. */
export function resourcesOf(holder: Fields): Resources {
  const { requests, limits } = fields(holder.resources)
  return intern({ requests: quantities(requests), limits: quantities(limits) })
}

/** Returns `undefined` if there are no `resources`. */
export function maybeResourcesOf(holder: Fields): Resources | undefined {
  return maybeFields(holder.resources) === undefined ? undefined : resourcesOf(holder)
}

/** Since 1.28, an init container with restart policy `Always` is a sidecar. */
export function containerKind(kind: ContainerKind, { restartPolicy }: Fields): ContainerKind {
  return kind === 'init' && restartPolicy === 'Always' ? 'sidecar' : kind
}

/**
 * Returns the objects that the volumes of a pod's specification mount.
 *
 * @param pod name of the pod, which is part of the names of ephemeral claims; a template has none
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
    // A volume has `secretName`, a projected source `name`.
    secrets: present(sources.map(({ secret }) => text(fields(secret).secretName) ?? text(fields(secret).name))),
  })
}

/** Removes credentials before the registry's name, which no runtime accepts. */
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
    // Before 1.24, kubelets wrote the error of a hook into the reason: `PostStartHookError: command '…' exited with 4`.
    const [, reason, error] = /^(\w+): (.*)$/s.exec(text(state.reason) ?? '') ?? []
    return {
      kind,
      reason: reason === undefined ? internText(state.reason) : intern(reason),
      message: text(state.message) ?? error,
      exitCode: number(state.exitCode),
      signal: number(state.signal),
      startedAt: text(state.startedAt),
      finishedAt: text(state.finishedAt),
      containerId: text(state.containerID),
    }
  }
  return undefined
}
