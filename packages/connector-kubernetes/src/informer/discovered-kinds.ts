import type { ApiResource, Discovery, GroupVersion } from '../api/kubernetes-api.ts'

/** A kind of object with the group versions that the agent can read, newest first: `apps/v1`. */
export interface KindVersions {
  /** Plural name in paths. */
  readonly resource: string
  readonly versions: readonly string[]
  /** As in {@link ApiResource}. */
  readonly isMetadataOnly?: true
  /** As in {@link ApiResource}. */
  readonly hasNoBookmarks?: true
}

/** The kinds that a server has, each in the newest version that both sides know. */
export interface DiscoveredKinds<Name extends string> {
  readonly found: Readonly<Partial<Record<Name, ApiResource>>>
  /** Kinds that the server lacks. */
  readonly missing: readonly { readonly name: Name; readonly reason: string }[]
  /** Every group answered. */
  readonly isComplete: boolean
}

/** Returns the group versions to discover, without duplicates. */
export function groupVersionsOf(kinds: Iterable<KindVersions>): GroupVersion[] {
  const versions = new Set([...kinds].flatMap(({ versions }): readonly string[] => versions))
  return [...versions].map(toGroupVersion)
}

/**
 * Selects by the group versions that the server has, not by its version number. A kind whose group temporarily does
 * not answer keeps its resource from the previous discovery.
 */
export function selectKinds<Name extends string>(
  table: Readonly<Record<Name, KindVersions>>,
  discovery: Discovery,
  previous?: DiscoveredKinds<Name>,
): DiscoveredKinds<Name> {
  const found: Partial<Record<Name, ApiResource>> = {}
  const missing: DiscoveredKinds<Name>['missing'][number][] = []
  for (const [name, kind] of Object.entries(table) as [Name, KindVersions][]) {
    const failure = discovery.failures.find((one) => kind.versions.includes(fromGroupVersion(one)))
    const kept = failure === undefined ? undefined : previous?.found[name]
    const resource = kept ?? newestOf(kind, discovery)
    if (resource !== undefined) found[name] = resource
    else if (failure === undefined)
      missing.push({ name, reason: `the server has no ${kind.resource} in ${kind.versions.join(' or ')}` })
    else missing.push({ name, reason: `${failure.group}/${failure.version} does not answer: ${failure.error.message}` })
  }
  return { found, missing, isComplete: discovery.failures.length === 0 }
}

function newestOf(
  { resource, versions, isMetadataOnly, hasNoBookmarks }: KindVersions,
  { resources }: Discovery,
): ApiResource | undefined {
  for (const { group, version } of versions.map(toGroupVersion)) {
    const found = resources.find((one) => one.group === group && one.version === version && one.resource === resource)
    if (found !== undefined) return { ...found, isMetadataOnly, hasNoBookmarks }
  }
  return undefined
}

/** Reads `apps/v1`, or `v1` of the core group. */
export function toGroupVersion(text: string): GroupVersion {
  const [version = '', group = ''] = text.split('/').reverse()
  return { group, version }
}

function fromGroupVersion({ group, version }: GroupVersion): string {
  return group === '' ? version : `${group}/${version}`
}
