import { type Quantities, quantityText } from '../kinds/quantity.ts'
import type { PodTemplate, TemplateContainer } from '../kinds/workload/pod-template.ts'
import { compareProbes, mountNames } from './compare-templates.ts'
import { changedNames, differingNames, membership } from './differences.ts'

/** Differences of one container, or of the pod as a whole. */
interface Details {
  readonly container: string | undefined
  readonly texts: readonly string[]
}

/** Parts of a description before the rest is only counted. */
const MAX_PARTS = 10

/**
 * Describes the differences of two templates for a person, without values of variables or commands. Each element is
 * about a container or the whole pod: `app: shop/web:1 → shop/web:2, memory limit 128Mi → 32Mi, variable A removed`.
 */
export function describeTemplates(before: PodTemplate, after: PodTemplate): readonly string[] {
  const all = [
    ...after.containers.flatMap((container): Details[] => {
      const old = before.containers.find(({ name }) => name === container.name)
      return old === undefined ? [] : [{ container: container.name, texts: describeContainer(old, container) }]
    }),
    { container: undefined, texts: describePod(before, after) },
  ]
  const count = all.reduce((sum, { texts }) => sum + texts.length, 0)
  let left = MAX_PARTS
  const described = all.flatMap(({ container, texts }) => {
    const shown = texts.slice(0, left)
    left -= shown.length
    if (shown.length === 0) return []
    return container === undefined ? shown : [`${container}: ${shown.join(', ')}`]
  })
  return count > MAX_PARTS ? [...described, `${count - MAX_PARTS} more differences`] : described
}

function describeContainer(old: TemplateContainer, now: TemplateContainer): readonly string[] {
  const variables = membership(Object.keys(old.environment), Object.keys(now.environment))
  const sources = membership(old.environmentFrom, now.environmentFrom)
  return [
    ...(old.image === now.image ? [] : [`${old.image} → ${now.image}`]),
    ...describeResources(old, now),
    ...variables.removed.map((name) => `variable ${name} removed`),
    ...variables.added.map((name) => `variable ${name} added`),
    ...changedNames(old.environment, now.environment).map((name) => `variable ${name} changed`),
    ...sources.removed.map((name) => `variables from ${name} removed`),
    ...sources.added.map((name) => `variables from ${name} added`),
    ...(old.command === now.command ? [] : ['command changed']),
    ...compareProbes(old.probes, now.probes).map((text) => text.replace(/^\w+/, '$& probe').replaceAll('_', ' ')),
  ]
}

function describePod(before: PodTemplate, after: PodTemplate): readonly string[] {
  const named = ({ containers }: PodTemplate) => containers.map(({ name, image }) => ({ name, image }))
  const without = (all: ReturnType<typeof named>, others: ReturnType<typeof named>): readonly string[] =>
    all
      .filter(({ name }) => !others.some((one) => one.name === name))
      .map(({ name, image }) => `container ${name} (${image})`)
  const mounts = membership(mountNames(before.mounts), mountNames(after.mounts))
  return [
    ...without(named(before), named(after)).map((one) => `${one} removed`),
    ...without(named(after), named(before)).map((one) => `${one} added`),
    ...describeResources(before, after).map((text) => `the pod's ${text}`),
    ...mounts.removed.map((name) => `mount of ${name} removed`),
    ...mounts.added.map((name) => `mount of ${name} added`),
  ]
}

/** `memory limit 128Mi → 32Mi`, `CPU request none → 500m` */
export function describeResources(
  old: Pick<PodTemplate, 'resources'>,
  now: Pick<PodTemplate, 'resources'>,
): readonly string[] {
  return (['limits', 'requests'] as const).flatMap((kind) => {
    const [before, after]: readonly [Quantities, Quantities] = [
      old.resources?.[kind] ?? {},
      now.resources?.[kind] ?? {},
    ]
    return differingNames(before, after).map((name) => {
      const shown = (amount: number | undefined): string => (amount === undefined ? 'none' : quantityText(name, amount))
      const what = `${name === 'cpu' ? 'CPU' : name} ${kind === 'limits' ? 'limit' : 'request'}`
      return `${what} ${shown(before[name])} → ${shown(after[name])}`
    })
  })
}
