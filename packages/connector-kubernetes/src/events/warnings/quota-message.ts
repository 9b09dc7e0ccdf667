/** What a quota refused. */
export interface QuotaRefusal {
  readonly quota: string
  /** Resource of what was to be made, as `pods`, `persistentvolumeclaims` or `jobs.batch`; of pods where the message does not say. */
  readonly resource: string
  /** As `pods=1`. */
  readonly requested: readonly string[]
  readonly used: readonly string[]
  readonly limited: readonly string[]
}

const EXCEEDED =
  /(?:\b(?<resource>[a-z][a-z0-9.-]*) "[^"]*" is forbidden: )?exceeded quota: (?<quota>[a-z0-9][a-z0-9.-]*), requested: (?<requested>[^\s]+), used: (?<used>[^\s]+), limited: (?<limited>[^\s]+)/

/** Reads why an API server refused an object: `undefined` where that was no quota. */
export function readQuotaRefusal(message: string): QuotaRefusal | undefined {
  const { quota, resource = 'pods', requested = '', used = '', limited = '' } = EXCEEDED.exec(message)?.groups ?? {}
  if (quota === undefined) return undefined
  return { quota, resource, requested: amounts(requested), used: amounts(used), limited: amounts(limited) }
}

function amounts(text: string): string[] {
  return text.split(',').filter((amount) => amount !== '')
}
