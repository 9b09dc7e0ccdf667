import type { Discovery } from '../api/kubernetes-api.ts'
import { type FoundKinds, findKinds, type KindName, kinds } from '../kinds/index.ts'

/** The kinds that a server is known to have. */
export interface DiscoveredKinds extends FoundKinds {
  /** Every group answered. */
  readonly isWhole: boolean
}

/** What a server has, as it says now. A group that does not answer for a moment has what it had before: it is followed on. */
export function discovered(discovery: Discovery, before?: FoundKinds): DiscoveredKinds {
  const { found, missing } = findKinds(discovery)
  const unknown = new Set(
    discovery.failures.map(({ group, version }) => (group === '' ? version : `${group}/${version}`)),
  )
  const kept: Partial<Record<KindName, NonNullable<FoundKinds['found'][KindName]>>> = { ...found }
  for (const [name, { versions }] of Object.entries(kinds) as [KindName, { readonly versions: readonly string[] }][]) {
    const known = before?.found[name]
    if (known !== undefined && versions.some((version) => unknown.has(version))) kept[name] = known
  }
  return {
    found: kept,
    missing: missing.filter(({ name }) => kept[name] === undefined),
    isWhole: discovery.failures.length === 0,
  }
}
