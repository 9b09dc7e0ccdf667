import { fields } from './fields.ts'

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/

/** Amounts of resources by name: CPUs, bytes, objects. */
export type Quantities = Readonly<Record<string, number>>

/** Reads `100m` as 0.1, `1Gi` as 1073741824, `1e3` as 1000, and any other text as `undefined`. */
export function quantity(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  const [, digits, exponent, suffix = ''] = QUANTITY.exec(value) ?? []
  if (digits === undefined) return undefined
  const read = exponent === undefined ? Number(digits) * (FACTORS[suffix] ?? 1) : Number(digits + exponent)
  if (!Number.isFinite(read)) return undefined
  // 3 × 0.1 is not 0.3 in binary. Quantities have at most nano precision.
  return Number.isInteger(read) ? read : Math.round(read * 1e9) / 1e9
}

/** Reads `{ cpu: '100m', memory: '1Gi' }` as `{ cpu: 0.1, memory: 1073741824 }`. Leaves out invalid quantities. */
export function quantities(value: unknown): Quantities {
  const read: Record<string, number> = {}
  for (const [name, text] of Object.entries(fields(value))) {
    const amount = quantity(text)
    if (amount !== undefined) read[name] = amount
  }
  return read
}

/** Resources that are counted in bytes: `memory`, `requests.storage`, `hugepages-2Mi`, … */
const BYTES = /(?:^|[./])(?:memory|(?:ephemeral-)?storage|hugepages-[^/]+)$/

/** Units for bytes, the largest first. */
const BYTE_UNITS = Object.entries(FACTORS)
  .filter(([, factor]) => factor > 1)
  .toSorted(([, one], [, other]) => other - one)

/** Writes an amount of a resource exactly, and as people write it: `500m` CPUs, `128Mi` bytes, `1.5Gi`, `12`. */
export function quantityText(resource: string, amount: number): string {
  if (BYTES.test(resource)) {
    const unit = BYTE_UNITS.find(([, factor]) => amount >= factor && Number.isInteger((amount / factor) * 10))
    return unit === undefined ? `${amount}` : `${amount / unit[1]}${unit[0]}`
  }
  const thousandths = Math.round(amount * 1e9) / 1e6
  return !Number.isInteger(amount) && Number.isInteger(thousandths) ? `${thousandths}m` : `${amount}`
}

/** Writes each amount by `quantityText`. */
export function quantityTexts(amounts: Quantities): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, quantityText(name, amount)]))
}
