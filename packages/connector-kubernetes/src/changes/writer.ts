import type { Manager } from '../kinds/metadata.ts'

/** Whether somebody only says how something is. */
function isStatus({ subresource, parts }: Manager): boolean {
  return subresource === 'status' || (parts.length > 0 && parts.every((part) => part === 'status'))
}

/**
 * Who made an object what it is now: the newest of those who have written to it since it was as `before`. Where no entry is
 * another than before, it was the only one with a say in it: old servers note no time where somebody changes what was theirs
 * already, but each newcomer. `undefined` where it may have been one of several.
 *
 * @param parts what was changed, such as `spec`
 */
export function writerOf(
  managers: readonly Manager[],
  before: readonly Manager[],
  parts: readonly string[],
): Manager | undefined {
  const writer = newcomerOf(managers, before, parts)
  if (writer !== undefined) return writer
  const withSay = (all: readonly Manager[]): readonly Manager[] =>
    all.filter((manager) => !isStatus(manager) && hasSay(manager, parts))
  const [only, ...others] = withSay(managers)
  // Who takes away all that was theirs has no say any more, and is not noted: whoever is left is not blamed.
  const isAlone = others.length === 0 && withSay(before).every(({ name }) => name === only?.name)
  return only === undefined || !isAlone ? undefined : { ...only, time: undefined }
}

/** The same, but for what old servers let somebody change without any note, as by `kubectl scale`: whoever wrote before is not blamed. */
export function newcomerOf(
  managers: readonly Manager[],
  before: readonly Manager[],
  parts: readonly string[],
): Manager | undefined {
  const known = new Set(before.map(identify))
  const writers = managers
    .filter((manager) => !known.has(identify(manager)) && !isStatus(manager))
    .toSorted((one, other) => timeOf(other) - timeOf(one))
  return writers.find((writer) => hasSay(writer, parts)) ?? writers.find(({ parts: own }) => own.length === 0)
}

/** Who made it: the first who wrote to it. */
export function creatorOf(managers: readonly Manager[]): Manager | undefined {
  return managers.filter((manager) => !isStatus(manager)).toSorted((one, other) => timeOf(one) - timeOf(other))[0]
}

/** Whether those who may have written since then have a say in other parts only; false where nobody is known. */
export function wroteOnlyElsewhere(
  managers: readonly Manager[],
  before: readonly Manager[],
  parts: readonly string[],
): boolean {
  const known = new Set(before.map(identify))
  const newcomers = managers.filter((manager) => !known.has(identify(manager)))
  const writers = newcomers.length > 0 ? newcomers : managers
  return writers.length > 0 && writers.every((writer) => writer.parts.length > 0 && !hasSay(writer, parts))
}

/** Who it was, as attributes of an event. */
export function writerAttributes(writer: Manager | undefined) {
  return { 'change.by': writer?.name, 'change.operation': writer?.operation }
}

/** ` by kubectl-set`, or nothing. */
export function byWriter(writer: Manager | undefined): string {
  return writer === undefined ? '' : ` by ${writer.name}`
}

/** When it was written, or else `now`. */
export function writtenAt(writer: Manager | undefined, now: Date): Date {
  const time = Date.parse(writer?.time ?? '')
  return Number.isNaN(time) ? now : new Date(time)
}

function hasSay({ parts }: Manager, wanted: readonly string[]): boolean {
  return parts.some((part) => wanted.includes(part))
}

function identify({ name, operation, subresource, time, parts }: Manager): string {
  return JSON.stringify([name, operation, subresource, time, parts])
}

function timeOf({ time }: Manager): number {
  return Date.parse(time ?? '') || 0
}
