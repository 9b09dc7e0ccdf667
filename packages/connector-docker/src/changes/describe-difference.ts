import type { ContainerDetails } from '../engine/engine-api.ts'
import type { ContainerSpec, SpecDifference } from './container-spec.ts'

/** Parts of a description before the rest is only counted. */
const MAX_PARTS = 8

/** Describes a change for a person, as `image shop:1 → shop:2; memory limit 128 MiB → 32 MiB; variable A removed`. */
export function describeDifference(
  before: ContainerSpec,
  after: Pick<ContainerDetails, 'image' | 'limits'>,
  { fields, environment, mounts, ports, settings }: SpecDifference,
): string {
  const listed = (what: string, names: readonly string[], verb: string): string[] =>
    names.map((name) => `${what} ${name} ${verb}`)
  const parts = [
    ...(fields.includes('image') ? [describeImages(before.image, after.image)] : []),
    ...describeLimits(before.limits, after.limits),
    ...listed('variable', environment.removed, 'removed'),
    ...listed('variable', environment.added, 'added'),
    ...listed('variable', environment.changed, 'changed'),
    ...(fields.includes('command') ? ['command changed'] : []),
    ...listed('port', ports.removed, 'removed'),
    ...listed('port', ports.added, 'added'),
    ...listed('mount', mounts.removed, 'removed'),
    ...listed('mount', mounts.added, 'added'),
    ...settings.map((setting) => setting.replaceAll('_', ' ').replace(': ', ' ')),
  ]
  const rest = parts.length - MAX_PARTS
  return [...parts.slice(0, MAX_PARTS), ...(rest > 0 ? [`${rest} more`] : [])].join('; ')
}

function describeImages(before: string, after: string): string {
  return before === after ? `${after} has another digest` : `image ${before} → ${after}`
}

function describeLimits(before: ContainerSpec['limits'], after: ContainerDetails['limits']): string[] {
  const limits: readonly (readonly [string, number | undefined, number | undefined, (value: number) => string])[] = [
    ['memory limit', before.memory, after.memory, describeBytes],
    ['memory reservation', before.memory_reservation, after.memoryReservation, describeBytes],
    ['limit of memory and swap', before.memory_swap, after.memorySwap, describeBytes],
    ['CPU limit', before.cpus, after.cpus, (value) => `${value}`],
    ['CPU shares', before.cpu_shares, after.cpuShares, (value) => `${value}`],
    ['limit of processes', before.pids, after.pids, (value) => `${value}`],
  ]
  return limits
    .filter(([, old, current]) => old !== current)
    .map(([name, old, current, describe]) => {
      const shown = (value: number | undefined): string => (value === undefined ? 'none' : describe(value))
      return `${name} ${shown(old)} → ${shown(current)}`
    })
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Formats bytes as `128 MiB`, or `1.5 GiB`. */
function describeBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${UNITS[power]}`
}
