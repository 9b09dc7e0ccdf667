import { z } from 'zod'

/*
 * Engines of many versions answer, and Podman: only what identifies a thing must be there, everything else may be missing.
 * What is missing, null, or of another type than expected is left out.
 */

export const text = z.string().min(1).optional().catch(undefined)
export const number = z.number().optional().catch(undefined)
export const flag = z.boolean().optional().catch(undefined)
export const texts = z
  .array(z.unknown())
  .catch([])
  .transform((list) => list.filter((item) => typeof item === 'string'))
export const record = z
  .record(z.string(), z.unknown())
  .catch({})
  .transform((entries) =>
    Object.fromEntries(
      Object.entries(entries).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
  )

/** The engine writes the year 1 for “never”. */
export function moment(value: string | undefined): string | undefined {
  return value === undefined || value.startsWith('0001-') ? undefined : value
}

/** The engine writes 0, or less, for “none”. */
export function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined
}
