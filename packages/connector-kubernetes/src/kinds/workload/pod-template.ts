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
} from '../pod/pod-projection.ts'

export interface Probe {
  /** `http`, `tcp`, `exec` or `grpc`. */
  readonly kind: string
  /** Path and port; absent for a command. */
  readonly target: string | undefined
  /** Seconds. */
  readonly initialDelay: number | undefined
  readonly period: number | undefined
  readonly timeout: number | undefined
  readonly failureThreshold: number | undefined
  /** Hash of the whole probe, with parts that may hold a secret: headers and commands. */
  readonly keyedHash: string
}

export interface TemplateContainer {
  readonly name: string
  readonly kind: ContainerKind
  readonly image: string
  readonly imagePullPolicy: string | undefined
  readonly resources: Resources
  /** Keyed hash of each variable's value, or of its source, by name. */
  readonly environment: Readonly<Record<string, string>>
  /** Objects whose keys all become variables: `configMap/app`, `secret/db`. */
  readonly environmentFrom: readonly string[]
  /** Objects with single keys that become variables. */
  readonly environmentKeysFrom: readonly string[]
  /** Keyed hash of command and arguments. */
  readonly command: string | undefined
  /** `readiness`, `liveness`, `startup` */
  readonly probes: Readonly<Record<string, Probe>>
}

/** The pod template of a workload. Holds no secrets: values are keyed hashes. */
export interface PodTemplate {
  readonly containers: readonly TemplateContainer[]
  /** Resources that all containers share. */
  readonly resources: Resources | undefined
  readonly mounts: Mounts
  readonly serviceAccount: string | undefined
  readonly priorityClass: string | undefined
  readonly nodeSelector: string | undefined
  /** Labels of the pods: a change, such as another chart version, replaces all pods. */
  readonly labels: Readonly<Record<string, string>>
  /** Keyed hash by name. Annotations have checksums of configuration, and the time of a requested restart. */
  readonly annotations: Readonly<Record<string, string>>
  /** When `kubectl rollout restart` was called. */
  readonly restartedAt: string | undefined
  /** Hash of the whole specification, with the parts that are not kept. */
  readonly keyedHash: string
  /** Hash of the whole template: workloads replace their pods when it changes. */
  readonly rolloutHash: string
}

/** Labels that controllers add to the template of a ReplicaSet. */
export const HASH_LABELS: readonly string[] = ['pod-template-hash', 'rollouts-pod-template-hash']

/** Hashes a template. That of a Deployment and that of its ReplicaSet are equal. @param raw a `PodTemplateSpec` */
export function rolloutHashOf(raw: unknown, keyedHash: KeyedHash): string {
  const { metadata, spec } = fields(raw)
  const { labels, annotations } = fields(metadata)
  const own = Object.entries(fields(labels)).filter(([name]) => !HASH_LABELS.includes(name))
  return keyedHash(JSON.stringify([own, annotations ?? null, spec ?? null]))
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
    rolloutHash: rolloutHashOf(raw, keyedHash),
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

/** Includes the name, so that equal values of two variables have different hashes. */
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
  // The query may hold a key.
  if (http !== undefined)
    return { kind: 'http', target: `:${String(http.port)}${text(http.path)?.split('?', 1)[0] ?? '/'}` }
  if (tcp !== undefined) return { kind: 'tcp', target: `:${String(tcp.port)}` }
  if (call !== undefined) return { kind: 'grpc', target: `:${String(call.port)}` }
  return { kind: 'exec', target: undefined }
}

/** Returns the names of the ConfigMaps or Secrets that the pods of a template mount or take variables from. */
export function configNamesOf({ mounts, containers }: PodTemplate, kind: 'ConfigMap' | 'Secret'): string[] {
  const prefix = kind === 'Secret' ? 'secret/' : 'configMap/'
  const variables = containers
    .flatMap(({ environmentFrom, environmentKeysFrom }) => [...environmentFrom, ...environmentKeysFrom])
    .filter((reference) => reference.startsWith(prefix))
    .map((reference) => reference.slice(prefix.length))
  return [...new Set([...(kind === 'Secret' ? mounts.secrets : mounts.configMaps), ...variables])]
}
