import type { MemoryReading } from '../server-client.ts'

type MemoryInformation = ReadonlyMap<string, number>

/** Parses `/proc/meminfo`, in bytes by name. Lines without a unit (`HugePages_Total`) are counts. */
export function parseMemoryInformation(text: string): MemoryInformation {
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const value = Number.parseInt(line.slice(colon + 1), 10)
    if (!Number.isNaN(value)) values.set(line.slice(0, colon), line.endsWith(' kB') ? value * 1024 : value)
  }
  return values
}

/**
 * Maps memory to a reading. Without `MemAvailable` (kernels before 3.14), free and reclaimable memory count as
 * available.
 *
 * @throws Error when `MemTotal` or `MemFree` is missing.
 */
export function toMemoryReading(information: MemoryInformation): MemoryReading {
  const total = required(information, 'MemTotal')
  const free = required(information, 'MemFree')
  const buffers = information.get('Buffers')
  const pageCache = information.get('Cached')
  const cached = pageCache === undefined ? undefined : pageCache + (information.get('SReclaimable') ?? 0)
  return {
    total,
    free,
    buffers,
    cached,
    available: information.get('MemAvailable') ?? Math.min(total, free + (buffers ?? 0) + (cached ?? 0)),
  }
}

function required(information: MemoryInformation, name: string): number {
  const value = information.get(name)
  if (value === undefined) throw new Error(`\`proc/meminfo\` has no line \`${name}\``)
  return value
}
