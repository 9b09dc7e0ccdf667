import { z } from 'zod'

/*
 * Schemas for the answers of engines of many versions, and of Podman: only identifiers are required.
 * A value that is missing, null or of an unexpected type is left out.
 */

/** Also accepts a missing value, and leaves out one that does not match. */
export const optional = <Schema extends z.ZodType>(schema: Schema) => schema.nullish().catch(undefined)
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

/** Maps the year 1, which the engine writes for “never”, to `undefined`. */
export function moment(value: string | undefined): string | undefined {
  return value === undefined || value.startsWith('0001-') ? undefined : value
}

/** Maps 0 and negative numbers, which the engine writes for “none”, to `undefined`. */
export function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined
}
