import { compare, gt, major, minor, prerelease } from 'semver'

/** A version of core beside which a connector is checked. */
export interface CoreVersion {
  /** `previous`, `current`, `next`, or the version that was asked for. */
  readonly name: string
  /** Absent if no such version is published. */
  readonly version?: string
}

/**
 * Returns the versions of core that a connector should work with: the newest of the line before the current one, the
 * current one, and the one that is published as `next`. A line is a major version, before 1.0.0 a minor version.
 *
 * @param versions every published version
 * @param tags versions by their dist-tag
 */
export function supportedCores(
  versions: readonly string[],
  tags: Readonly<Record<string, string | undefined>>,
): CoreVersion[] {
  const { latest: current, next } = tags
  const before = versions
    .filter((version) => current !== undefined && prerelease(version) === null && gt(current, version))
    .filter((version) => lineOf(version) !== lineOf(current ?? ''))
    .sort(compare)
    .at(-1)
  const isNewer = next !== undefined && (current === undefined || gt(next, current))
  return [
    { name: 'previous', ...(before === undefined ? {} : { version: before }) },
    { name: 'current', ...(current === undefined ? {} : { version: current }) },
    { name: 'next', ...(isNewer ? { version: next } : {}) },
  ]
}

function lineOf(version: string): string {
  return major(version) === 0 ? `0.${minor(version)}` : String(major(version))
}
