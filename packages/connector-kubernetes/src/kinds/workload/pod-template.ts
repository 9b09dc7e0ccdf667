import type { KeyedHash } from '../../informer/object-store.ts'
import { type Fields, fields, list, maybeFields, number, present, record, text, texts } from '../fields.ts'
import { intern } from '../intern.ts'
import {
  type ContainerKind,
  containerKind,
  imageOf,
  type Mounts,
  maybeResourcesOf,
  mountsOf,
  type Resources,
  resourcesOf,
} from '../pod/pod.ts'

/** How a kubelet finds out how a container is. */
export interface Probe {
  /** `http`, `tcp`, `exec` or `grpc`. */
  readonly kind: string
  /** Path and port; of a command nothing. */
  readonly target: string | undefined
  /** Seconds. */
  readonly initialDelay: number | undefined
  readonly period: number | undefined
  readonly timeout: number | undefined
  readonly failureThreshold: number | undefined
  /** Of all of it, with what may hold a secret: headers and commands. */
  readonly keyedHash: string
}

/** How a container is to be set up. */
export interface TemplateContainer {
  readonly name: string
  readonly kind: ContainerKind
  readonly image: string
  readonly imagePullPolicy: string | undefined
  readonly resources: Resources
  /** Name → keyed hash of the value, or of where it comes from. */
  readonly environment: Readonly<Record<string, string>>
  /** `configMap/app`, `secret/db`: whole objects that become variables. */
  readonly environmentFrom: readonly string[]
  /** The same for objects of which single keys become variables. */
  readonly environmentKeysFrom: readonly string[]
  /** Keyed hash of command and arguments. */
  readonly command: string | undefined
  /** `readiness`, `liveness`, `startup` */
  readonly probes: Readonly<Record<string, Probe>>
}

/** How a workload sets up its pods. Holds no secret: values are keyed hashes. */
export interface PodTemplate {
  readonly containers: readonly TemplateContainer[]
  /** Resources that all containers share. */
  readonly resources: Resources | undefined
  readonly mounts: Mounts
  readonly serviceAccount: string | undefined
  readonly priorityClass: string | undefined
  readonly nodeSelector: string | undefined
  /** Of its pods: another one replaces them all, as another chart's version does. */
  readonly labels: Readonly<Record<string, string>>
  /** Name → keyed hash. A checksum of a configuration, and when a restart was asked for, stand here. */
  readonly annotations: Readonly<Record<string, string>>
  /** When `kubectl rollout restart` was called. */
  readonly restartedAt: string | undefined
  /** Of all that its pods are to be, also of what is not kept here. */
  readonly keyedHash: string
}

/** @param raw a `PodTemplateSpec` */
export function projectTemplate(raw: unknown, keyedHash: KeyedHash): PodTemplate {
  const template = fields(raw)
  const spec = fields(template.spec)
  const annotations = fields(fields(template.metadata).annotations)
  const containers = (value: unknown, kind: ContainerKind): TemplateContainer[] =>
    list(value).map((container) => containerOf(container, kind, keyedHash))
  return {
    containers: [...containers(spec.initContainers, 'init'), ...containers(spec.containers, 'container')],
    resources: maybeResourcesOf(spec),
    mounts: mountsOf(spec),
    serviceAccount: text(spec.serviceAccountName),
    priorityClass: text(spec.priorityClassName),
    nodeSelector: maybeFields(spec.nodeSelector) === undefined ? undefined : JSON.stringify(spec.nodeSelector),
    labels: intern(record(fields(template.metadata).labels)),
    annotations: keyedHashes(Object.entries(annotations), keyedHash),
    restartedAt: text(annotations['kubectl.kubernetes.io/restartedAt']),
    keyedHash: keyedHash(JSON.stringify(spec)),
  }
}

function containerOf(container: Fields, kind: ContainerKind, keyedHash: KeyedHash): TemplateContainer {
  const { command, args } = container
  const isChosen = command !== undefined || args !== undefined
  return {
    name: text(container.name) ?? '',
    kind: containerKind(kind, container),
    image: imageOf(container),
    imagePullPolicy: text(container.imagePullPolicy),
    resources: resourcesOf(container),
    environment: keyedHashes(
      list(container.env).map(({ name, value, valueFrom }) => [text(name) ?? '', valueFrom ?? value ?? '']),
      keyedHash,
    ),
    environmentFrom: list(container.envFrom).flatMap(({ configMapRef, secretRef }) => [
      ...referenceTo('configMap', configMapRef),
      ...referenceTo('secret', secretRef),
    ]),
    environmentKeysFrom: present(
      list(container.env).flatMap(({ valueFrom }) => [
        ...referenceTo('configMap', fields(valueFrom).configMapKeyRef),
        ...referenceTo('secret', fields(valueFrom).secretKeyRef),
      ]),
    ),
    command: isChosen ? keyedHash(JSON.stringify([texts(command), texts(args)])) : undefined,
    probes: probesOf(container, keyedHash),
  }
}

/** With the name: equal values of two variables are not seen to be equal. */
function keyedHashes(entries: readonly (readonly [string, unknown])[], keyedHash: KeyedHash) {
  return Object.fromEntries(entries.map(([name, value]) => [name, keyedHash(`${name}=${textOf(value)}`)]))
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function referenceTo(kind: string, reference: unknown): string[] {
  const name = text(fields(reference).name)
  return name === undefined ? [] : [intern(`${kind}/${name}`)]
}

function probesOf(container: Fields, keyedHash: KeyedHash): Readonly<Record<string, Probe>> {
  const probes: Record<string, Probe> = {}
  for (const name of ['startup', 'readiness', 'liveness']) {
    const probe = maybeFields(container[`${name}Probe`])
    if (probe !== undefined) probes[name] = probeOf(probe, keyedHash)
  }
  return probes
}

function probeOf(probe: Fields, keyedHash: KeyedHash): Probe {
  return {
    ...targetOf(probe),
    initialDelay: number(probe.initialDelaySeconds),
    period: number(probe.periodSeconds),
    timeout: number(probe.timeoutSeconds),
    failureThreshold: number(probe.failureThreshold),
    keyedHash: keyedHash(JSON.stringify(probe)),
  }
}

function targetOf({ httpGet, tcpSocket, grpc }: Fields): Pick<Probe, 'kind' | 'target'> {
  const [http, tcp, call] = [maybeFields(httpGet), maybeFields(tcpSocket), maybeFields(grpc)]
  // What follows a question mark may be a key.
  if (http !== undefined)
    return { kind: 'http', target: `:${String(http.port)}${text(http.path)?.split('?', 1)[0] ?? '/'}` }
  if (tcp !== undefined) return { kind: 'tcp', target: `:${String(tcp.port)}` }
  if (call !== undefined) return { kind: 'grpc', target: `:${String(call.port)}` }
  return { kind: 'exec', target: undefined }
}
