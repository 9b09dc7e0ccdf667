import type { NameFilter } from '@rca/core/connector'
import type { Mounts } from '../kinds/pod/pod-projection.ts'
import { quantityTexts } from '../kinds/quantity.ts'
import type { PodTemplate, Probe, TemplateContainer } from '../kinds/workload/pod-template.ts'
import { changedNames, labelTransitions, type Membership, membership, transitions } from './differences.ts'

const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'

/**
 * Compares names and numbers of two templates, but not the values of variables, annotations or commands. Lists are
 * empty if nothing differs; `events/workloads/signals.ts` has an example of each.
 */
export function compareTemplates(before: PodTemplate, after: PodTemplate, isWantedLabel: NameFilter) {
  const pairs = after.containers.flatMap((container) => {
    const old = before.containers.find(({ name }) => name === container.name)
    return old === undefined ? [] : [[old, container] as const]
  })
  const each = (compare: (old: TemplateContainer, now: TemplateContainer) => readonly string[]): readonly string[] =>
    pairs.flatMap(([old, now]) => compare(old, now).map((difference) => `${now.name} ${difference}`))
  const named = (names: (old: TemplateContainer, now: TemplateContainer) => readonly string[]) =>
    pairs.flatMap(([old, now]) => names(old, now).map((name) => `${now.name}/${name}`))
  const memberships = (namesOf: (container: TemplateContainer) => readonly string[]): Membership => ({
    added: named((old, now) => membership(namesOf(old), namesOf(now)).added),
    removed: named((old, now) => membership(namesOf(old), namesOf(now)).removed),
  })
  return {
    images: pairs.flatMap(([old, now]) => transitions({ [now.name]: old.image }, { [now.name]: now.image })),
    containers: comparePresence(before, after),
    resources: [
      ...each(compareResources),
      ...compareResources(before, after).map((difference) => `the pod's ${difference}`),
    ],
    environment: {
      ...memberships(({ environment }) => Object.keys(environment)),
      changed: named((old, now) => changedNames(old.environment, now.environment)),
    },
    environmentFrom: memberships(({ environmentFrom }) => environmentFrom),
    commands: pairs.flatMap(([old, now]) => (old.command === now.command ? [] : [now.name])),
    probes: each((old, now) => compareProbes(old.probes, now.probes)),
    mounts: membership(mountNames(before.mounts), mountNames(after.mounts)),
    annotations: annotationNames(before, after),
    settings: [
      ...each((old, now) => transitions(containerSettings(old), containerSettings(now))),
      ...transitions(podSettings(before), podSettings(after)),
      ...labelTransitions(selectorOf(before), selectorOf(after), isWantedLabel).map((one) => `node_selector ${one}`),
      ...labelTransitions(before.labels, after.labels, isWantedLabel).map((one) => `label ${one}`),
    ],
    isRestart: before.restartedAt !== after.restartedAt,
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
  const named = ({ resources }: Holder): Record<string, string> =>
    Object.fromEntries(
      (['requests', 'limits'] as const).flatMap((kind) =>
        Object.entries(quantityTexts(resources?.[kind] ?? {})).map(([name, amount]) => [`${kind}.${name}`, amount]),
      ),
    )
  return transitions(named(old), named(now))
}

type Probes = TemplateContainer['probes']

/** Differences of probes, as `readiness period: 5 → 10`. */
export function compareProbes(before: Probes, after: Probes): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((name) => {
    const [old, now] = [before[name], after[name]]
    if (old?.keyedHash === now?.keyedHash) return []
    const target = transitions({ [name]: describeProbe(old) }, { [name]: describeProbe(now) })
    if (old === undefined || now === undefined) return target
    const numbers = transitions(numbersOf(old), numbersOf(now)).map((one) => `${name} ${one}`)
    const differences = [...target, ...numbers]
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

/** Names of mounted objects, as `configMap/web`. */
export function mountNames({ claims, configMaps, secrets }: Mounts): readonly string[] {
  return [
    ...claims.map((name) => `claim/${name}`),
    ...configMaps.map((name) => `configMap/${name}`),
    ...secrets.map((name) => `secret/${name}`),
  ]
}

function containerSettings({ kind, imagePullPolicy }: TemplateContainer) {
  return { kind, image_pull_policy: imagePullPolicy }
}

function podSettings({ serviceAccount, priorityClass }: PodTemplate) {
  return { service_account: serviceAccount, priority_class: priorityClass }
}

function selectorOf({ nodeSelector }: PodTemplate): Readonly<Record<string, string>> {
  return nodeSelector === undefined ? {} : (JSON.parse(nodeSelector) as Record<string, string>)
}
