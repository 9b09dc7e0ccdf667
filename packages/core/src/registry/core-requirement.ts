import { CORE_VERSION } from '../version.ts'

/** Range of core in `rca.core`: the oldest version, and every later one. */
export const CORE_RANGE: RegExp = /^>=(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?$/

/** Lower bound of a range of npm, such as `>=0.3 <2`, `^1.2.3` or `~0.4`. */
const LOWER_BOUND = /^\s*(?:>=|\^|~|=)?\s*v?(\d{1,6}\.\d{1,6}(?:\.\d{1,6})?)/

/** Version of core before its first release, which has all that the repository has. */
const UNRELEASED = '0.0.0'

/** Statements of a package about the version of core that it needs. */
export interface CoreRequirement {
  /** `rca.core` of its package.json. */
  readonly declared?: string | undefined
  /** Range of its peer dependency on `@rca/core`. */
  readonly peer?: string | undefined
  /** Version of core with which it was packed, as in `rca.json`. */
  readonly builtWith?: string | undefined
}

/** A problem of a package, and its fix. */
export interface RequirementProblem {
  readonly problem: string
  readonly remedy: string
}

/**
 * Returns why this core is too old for a package, or `undefined`. `rca.core` decides. Without it, the package may use
 * everything of the core that it was packed with, except for fixes, and of the oldest core of its peer dependency.
 */
export function coreProblem(
  { declared, peer, builtWith }: CoreRequirement,
  version: string = CORE_VERSION,
): RequirementProblem | undefined {
  if (declared !== undefined) {
    if (isAtLeast(version, declared.slice('>='.length))) return undefined
    return {
      problem: `it requires \`@rca/core\` ${declared}, but this is version ${version}`,
      remedy: 'update `@rca/core`, or install an older version of the package',
    }
  }
  const least = peer?.includes('||') === true ? undefined : LOWER_BOUND.exec(peer ?? '')?.[1]
  if (least !== undefined && !isAtLeast(version, least))
    return {
      problem: `its peer dependency requires \`@rca/core\` ${peer}, but this is version ${version}`,
      remedy: 'update `@rca/core`, or install an older version of the package',
    }
  const line = builtWith?.split('.').slice(0, 2).join('.')
  if (line !== undefined && !isAtLeast(version, line))
    return {
      problem: `it was packed with \`@rca/core\` ${builtWith}, but this is version ${version}`,
      remedy:
        'update `@rca/core`, or install an older version of the package. If it works with an older core, its author declares that in `rca.core`',
    }
  return undefined
}

function isAtLeast(version: string, least: string): boolean {
  if (version === UNRELEASED) return true
  const parts = least.split('.').map(Number)
  const given = version.split(/[.-]/).map(Number)
  const differs = parts.findIndex((part, index) => part !== given[index])
  return differs === -1 || (given[differs] ?? 0) > (parts[differs] ?? 0)
}

const MISSING_EXPORT = /'(@rca\/core[\w/-]*)' does not provide an export named '([^']+)'/

/** Returns the problem of a module that imports a name of a newer core, and the fix, or `undefined`. */
export function missingExport(error: unknown, version: string = CORE_VERSION): string | undefined {
  const [, specifier, name] = MISSING_EXPORT.exec(error instanceof SyntaxError ? error.message : '') ?? []
  return specifier === undefined
    ? undefined
    : `it imports \`${name}\`, which \`${specifier}\` of version ${version} does not have. Update \`@rca/core\`, or install an older version of the package.`
}
