import type { Manager } from '../kinds/metadata.ts'

type Managers = readonly Manager[]

/** Returns whether a manager wrote only the status. */
function isStatus({ subresource, parts }: Manager): boolean {
  return subresource === 'status' || (parts.length > 0 && parts.every((part) => part === 'status'))
}

/**
 * Returns the author of a change: the newest manager that has written to the object since its version `before`. If no
 * manager is new, the author is the only manager of these parts: old servers record each new manager, but no time
 * when a manager changes its own fields. `undefined` if one of several may be the author.
 *
 * @param parts changed parts, such as `spec`
 */
export function changeAuthor(managers: Managers, before: Managers, parts: readonly string[]): Manager | undefined {
  const writer = newestNewManager(managers, before, parts)
  if (writer !== undefined) return writer
  const ownersOf = (all: Managers) => all.filter((manager) => !isStatus(manager) && owns(manager, parts))
  const [only, ...others] = ownersOf(managers)
  // A manager that removes all its fields is no longer recorded: the remaining one may not be the author.
  const isOnly = others.length === 0 && ownersOf(before).every(({ name }) => name === only?.name)
  return only === undefined || !isOnly ? undefined : { ...only, time: undefined }
}

/**
 * Returns the newest new manager. For changes that old servers do not record, such as `kubectl scale`, that excludes
 * earlier managers.
 */
export function newestNewManager(managers: Managers, before: Managers, parts: readonly string[]): Manager | undefined {
  const writers = newManagers(managers, before)
    .filter((manager) => !isStatus(manager))
    .toSorted((one, other) => timeOf(other) - timeOf(one))
  return writers.find((writer) => owns(writer, parts)) ?? writers.find(({ parts: own }) => own.length === 0)
}

/** Returns the manager that wrote first. */
export function creator(managers: Managers): Manager | undefined {
  return managers.filter((manager) => !isStatus(manager)).toSorted((one, other) => timeOf(one) - timeOf(other))[0]
}

/** Returns whether all managers that may have written since `before` own only other parts; false if none is known. */
export function changedOtherPartsOnly(managers: Managers, before: Managers, parts: readonly string[]): boolean {
  const newcomers = newManagers(managers, before)
  const writers = newcomers.length > 0 ? newcomers : managers
  return writers.length > 0 && writers.every((writer) => writer.parts.length > 0 && !owns(writer, parts))
}

/** The author as attributes of an event. */
export function authorAttributes(writer: Manager | undefined) {
  return { 'change.by': writer?.name, 'change.operation': writer?.operation }
}

/** ` by kubectl-set`, or nothing. */
export function byAuthor(writer: Manager | undefined): string {
  return writer === undefined ? '' : ` by ${writer.name}`
}

/** Time of the change, or else `now`. */
export function changedAt(writer: Manager | undefined, now: Date): Date {
  const time = Date.parse(writer?.time ?? '')
  return Number.isNaN(time) ? now : new Date(time)
}

function owns({ parts }: Manager, wanted: readonly string[]): boolean {
  return parts.some((part) => wanted.includes(part))
}

function newManagers(managers: Managers, before: Managers): Managers {
  const known = new Set(before.map(identify))
  return managers.filter((manager) => !known.has(identify(manager)))
}

function identify({ name, operation, subresource, time, parts }: Manager): string {
  return JSON.stringify([name, operation, subresource, time, parts])
}

function timeOf({ time }: Manager): number {
  return Date.parse(time ?? '') || 0
}
