import type { ContainerShape } from './container-spec.ts'

/** What differs, as attributes of `container.changed`. Lists that are empty are absent. */
export interface Difference {
  /** Kinds of what differs, such as `image` and `environment`. */
  readonly fields: readonly string[]
  readonly environment: { readonly added: string[]; readonly removed: string[]; readonly changed: string[] }
  readonly limits: readonly string[]
  readonly mounts: { readonly added: string[]; readonly removed: string[] }
  readonly ports: { readonly added: string[]; readonly removed: string[] }
  readonly settings: readonly string[]
}

/** What differs between two containers; `undefined` where nothing does. */
export function compareShapes(before: ContainerShape, after: ContainerShape): Difference | undefined {
  const environment = {
    ...membership(Object.keys(before.environment), Object.keys(after.environment)),
    changed: Object.keys(after.environment)
      .filter((name) => Object.hasOwn(before.environment, name) && before.environment[name] !== after.environment[name])
      .toSorted(),
  }
  const limits = changes(before.limits, after.limits)
  const mounts = membership(before.mounts, after.mounts)
  const ports = membership(before.ports, after.ports)
  const settings = changes(before.settings, after.settings)
  const differs: Readonly<Record<string, boolean>> = {
    image: before.imageId !== after.imageId || before.image !== after.image,
    command: before.command !== after.command,
    environment: Object.values(environment).some((names) => names.length > 0),
    limits: limits.length > 0,
    mounts: mounts.added.length + mounts.removed.length > 0,
    ports: ports.added.length + ports.removed.length > 0,
    settings: settings.length > 0,
  }
  const fields = Object.keys(differs).filter((name) => differs[name])
  return fields.length === 0 ? undefined : { fields, environment, limits, mounts, ports, settings }
}

function membership(before: readonly string[], after: readonly string[]): { added: string[]; removed: string[] } {
  return {
    added: after.filter((item) => !before.includes(item)).toSorted(),
    removed: before.filter((item) => !after.includes(item)).toSorted(),
  }
}

/** `memory: 512 → 1024`; `none` for what is not set. */
function changes(
  before: Readonly<Record<string, string | number | undefined>>,
  after: Readonly<Record<string, string | number | undefined>>,
): string[] {
  const shown = (value: string | number | undefined): string =>
    value === undefined || value === '' ? 'none' : `${value}`
  return Object.keys(after)
    .filter((name) => before[name] !== after[name])
    .map((name) => `${name}: ${shown(before[name])} → ${shown(after[name])}`)
}
