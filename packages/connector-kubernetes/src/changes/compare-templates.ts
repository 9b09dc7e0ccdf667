import type { Mounts } from '../kinds/pod/pod-projection.ts'
import type { PodTemplate, Probe, TemplateContainer } from '../kinds/workload/pod-template.ts'
import { changedNames, labelTransitions, type Membership, membership, transition, transitions } from './differences.ts'

/**
 * Differences between two pod templates: names and numbers, but not the values of variables, annotations or commands.
 */
export interface TemplateDifference {
  /** `app: shop/web:1 → shop/web:2` */
  readonly images: readonly string[]
  /** `cache=redis:7` */
  readonly containers: Membership
  /** `app limits.memory: 536870912 → 1073741824`, `the pod's limits.memory: …` */
  readonly resources: readonly string[]
  /** `app/DB_PASSWORD` */
  readonly environment: Membership & { readonly changed: readonly string[] }
  /** `app/configMap/web` */
  readonly environmentFrom: Membership
  /** Containers whose command or arguments changed. */
  readonly commands: readonly string[]
  /** `app readiness: http :8080/ready → http :8080/health`, `app liveness period: 5 → 10` */
  readonly probes: readonly string[]
  /** `configMap/web`, `secret/tls`, `claim/data` */
  readonly mounts: Membership
  /** Names alone. */
  readonly annotations: readonly string[]
  /** `service_account: web → shop` */
  readonly settings: readonly string[]
  /** True if a restart was requested. */
  readonly isRestart: boolean
}

const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'

/** Compares two templates. Lists are empty if nothing differs. */
export function compareTemplates(
  before: PodTemplate,
  after: PodTemplate,
  isWantedLabel: (name: string) => boolean,
): TemplateDifference {
  const pairs = after.containers.flatMap((container) => {
    const old = before.containers.find(({ name }) => name === container.name)
    return old === undefined ? [] : [[old, container] as const]
  })
  const each = (compare: (old: TemplateContainer, now: TemplateContainer) => readonly string[]): readonly string[] =>
    pairs.flatMap(([old, now]) => compare(old, now).map((difference) => `${now.name} ${difference}`))
  const environmentOf = (take: (old: TemplateContainer, now: TemplateContainer) => readonly string[]) =>
    pairs.flatMap(([old, now]) => take(old, now).map((name) => `${now.name}/${name}`))
  const variables = (old: TemplateContainer, now: TemplateContainer): Membership =>
    membership(Object.keys(old.environment), Object.keys(now.environment))
  return {
    images: pairs.flatMap(([old, now]) =>
      old.image === now.image ? [] : [transition(now.name, old.image, now.image)],
    ),
    containers: comparePresence(before, after),
    resources: [
      ...each(compareResources),
      ...compareResources(before, after).map((difference) => `the pod's ${difference}`),
    ],
    environment: {
      added: environmentOf((old, now) => variables(old, now).added),
      removed: environmentOf((old, now) => variables(old, now).removed),
      changed: environmentOf((old, now) => changedNames(old.environment, now.environment)),
    },
    environmentFrom: {
      added: environmentOf((old, now) => membership(old.environmentFrom, now.environmentFrom).added),
      removed: environmentOf((old, now) => membership(old.environmentFrom, now.environmentFrom).removed),
    },
    commands: pairs.flatMap(([old, now]) => (old.command === now.command ? [] : [now.name])),
    probes: each((old, now) => compareProbes(old.probes, now.probes)),
    mounts: membership(mountNames(before.mounts), mountNames(after.mounts)),
    annotations: annotationNames(before, after),
    settings: [
      ...each((old, now) =>
        transitions(
          { kind: old.kind, image_pull_policy: old.imagePullPolicy },
          { kind: now.kind, image_pull_policy: now.imagePullPolicy },
        ),
      ),
      ...transitions(settingsOf(before), settingsOf(after)),
      ...labelTransitions(selectorOf(before), selectorOf(after), isWantedLabel).map((one) => `node_selector ${one}`),
      ...labelTransitions(before.labels, after.labels, isWantedLabel).map((one) => `label ${one}`),
    ],
    isRestart: after.restartedAt !== undefined && before.restartedAt !== after.restartedAt,
  }
}

/** Returns whether an annotation marks a change of configuration, as charts do: `checksum/config`. */
export function isChecksum(annotation: string): boolean {
  return /checksum|(?:^|[/.-])hash(?:$|[/.-])|sha256/i.test(annotation)
}

function comparePresence(before: PodTemplate, after: PodTemplate): Membership {
  const missingIn = ({ containers }: PodTemplate, wanted: PodTemplate): readonly string[] =>
    wanted.containers
      .filter(({ name }) => !containers.some((one) => one.name === name))
      .map(({ name, image }) => `${name}=${image}`)
  return { added: missingIn(before, after), removed: missingIn(after, before) }
}

type Holder = Pick<PodTemplate, 'resources'>

function compareResources(old: Holder, now: Holder): readonly string[] {
  const named = ({ resources }: Holder): Record<string, number> =>
    Object.fromEntries(
      (['requests', 'limits'] as const).flatMap((kind) =>
        Object.entries(resources?.[kind] ?? {}).map(([name, amount]) => [`${kind}.${name}`, amount]),
      ),
    )
  return transitions(named(old), named(now))
}

function compareProbes(
  before: Readonly<Record<string, Probe>>,
  after: Readonly<Record<string, Probe>>,
): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((name) => {
    const [old, now] = [before[name], after[name]]
    if (old?.keyedHash === now?.keyedHash) return []
    if (old === undefined || now === undefined) return [transition(name, describeProbe(old), describeProbe(now))]
    const differences = transitions(numbersOf(old), numbersOf(now)).map((one) => `${name} ${one}`)
    if (describeProbe(old) !== describeProbe(now))
      return [transition(name, describeProbe(old), describeProbe(now)), ...differences]
    // Its command or headers, which may contain secrets.
    return differences.length > 0 ? differences : [`${name}: changed`]
  })
}

function describeProbe(probe: Probe | undefined): string | undefined {
  return probe === undefined ? undefined : [probe.kind, probe.target].filter(Boolean).join(' ')
}

function numbersOf({ initialDelay, period, timeout, failureThreshold }: Probe) {
  return { initial_delay: initialDelay, period, timeout, failure_threshold: failureThreshold }
}

function annotationNames(before: PodTemplate, after: PodTemplate): readonly string[] {
  const { added, removed } = membership(Object.keys(before.annotations), Object.keys(after.annotations))
  return [...added, ...removed, ...changedNames(before.annotations, after.annotations)].filter(
    (name) => name !== RESTARTED_AT,
  )
}

function mountNames({ claims, configMaps, secrets }: Mounts): readonly string[] {
  return [
    ...claims.map((name) => `claim/${name}`),
    ...configMaps.map((name) => `configMap/${name}`),
    ...secrets.map((name) => `secret/${name}`),
  ]
}

function settingsOf({ serviceAccount, priorityClass }: PodTemplate) {
  return { service_account: serviceAccount, priority_class: priorityClass }
}

function selectorOf({ nodeSelector }: PodTemplate): Readonly<Record<string, string>> {
  return nodeSelector === undefined ? {} : (JSON.parse(nodeSelector) as Record<string, string>)
}
