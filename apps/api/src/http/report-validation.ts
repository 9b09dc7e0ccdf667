import type { InterruptibleTask } from '@rca/core'
import {
  dataRequestSchema,
  entitySchema,
  hasFewValues,
  LIMITS,
  metricSchema,
  REPORT_LIMITS,
  reportSchema,
  seriesValuesSchema,
} from '@rca/core/protocol'
import { z } from 'zod'

type Kind = keyof typeof REPORT_LIMITS
type Issue = z.core.$ZodIssue

const KINDS = Object.keys(REPORT_LIMITS) as Kind[]

/** Validates everything but the signals. */
const outlineSchema = z.object({
  reports: z
    .array(
      reportSchema.extend({
        data: z.object(
          Object.fromEntries(KINDS.map((kind) => [kind, z.array(z.unknown()).max(REPORT_LIMITS[kind])])) as Record<
            Kind,
            z.ZodArray<z.ZodUnknown>
          >,
        ),
      }),
    )
    .min(1)
    .max(1000),
  series_sets: dataRequestSchema.shape.series_sets,
})

const relationSchema = entitySchema.shape.relations.element

/** Replaces the relations of an entity, which are validated one by one. */
const entityOutlineSchema = entitySchema.extend({ relations: z.array(z.unknown()).max(LIMITS.relations) })

/**
 * Validates like `dataRequestSchema.safeParse`, but stops after `maxIssues`, and checks the number of values before a
 * schema sees them. The schema collects the issues of every value, which takes seconds for a body of 1 MB. Yields after
 * every signal.
 */
export function* validateReports(
  data: unknown,
  maxIssues: number,
): InterruptibleTask<never, { readonly value: unknown } | { readonly issues: readonly Issue[] }> {
  const outline = outlineSchema.safeParse(data)
  if (!outline.success) return { issues: outline.error.issues }
  const issues: Issue[] = []
  for (const [index, report] of outline.data.reports.entries()) {
    if (countPoints(report.data.metrics) > REPORT_LIMITS.metrics) return { issues: [tooManyPoints(index)] }
    for (const kind of KINDS) {
      const signals = report.data[kind]
      for (const [place, signal] of signals.entries()) {
        const result = kind === 'entities' ? parseEntity(signal, maxIssues) : parseSignal(kind, signal)
        if (result.success) signals[place] = result.data
        else
          for (const issue of result.issues)
            issues.push({ ...issue, path: ['reports', index, 'data', kind, place, ...issue.path] })
        if (issues.length >= maxIssues) return { issues }
        yield
      }
    }
  }
  return issues.length === 0 ? { value: outline.data } : { issues }
}

/** Counts points, and values of sets of series. */
function countPoints(metrics: readonly unknown[]): number {
  return metrics.reduce<number>((sum, metric) => {
    const values: unknown = (metric as { readonly values?: unknown } | null)?.values
    return sum + (Array.isArray(values) ? values.length : 1)
  }, 0)
}

function tooManyPoints(report: number): Issue {
  const message = `Must have at most ${REPORT_LIMITS.metrics} points, with the values of sets of series`
  return { code: 'custom', path: ['reports', report, 'data', 'metrics'], message, input: undefined }
}

type Result = { readonly success: true; readonly data: unknown } | { readonly success: false; readonly issues: Issue[] }

function parseSignal(kind: Exclude<Kind, 'entities'>, signal: unknown): Result {
  return excess(signal) ?? resultOf(schemaOf(kind, signal).safeParse(signal))
}

/** Returns one schema, not a union: its issues name the fields of what was sent. */
function schemaOf(kind: Exclude<Kind, 'entities'>, signal: unknown): z.ZodType {
  if (kind !== 'metrics') return reportSchema.shape.data.shape[kind].element
  return typeof signal === 'object' && signal !== null && 'series_set' in signal ? seriesValuesSchema : metricSchema
}

function parseEntity(entity: unknown, maxIssues: number): Result {
  const tooMany = excess(entity)
  if (tooMany !== undefined) return tooMany
  const result = entityOutlineSchema.safeParse(entity)
  const issues = result.success ? [] : [...result.error.issues]
  const relations: unknown = (entity as { readonly relations?: unknown } | null)?.relations
  const parsed: unknown[] = []
  if (Array.isArray(relations) && relations.length <= LIMITS.relations)
    for (const [index, relation] of relations.entries()) {
      if (issues.length >= maxIssues) break
      const { data, error } = relationSchema.safeParse(relation)
      if (error === undefined) parsed.push(data)
      else issues.push(...error.issues.map((issue) => ({ ...issue, path: ['relations', index, ...issue.path] })))
    }
  return result.success && issues.length === 0
    ? { success: true, data: { ...result.data, relations: parsed } }
    : { success: false, issues }
}

function resultOf(result: z.ZodSafeParseResult<unknown>): Result {
  return result.success ? result : { success: false, issues: [...result.error.issues] }
}

/** Returns the issue of a signal with more values than the schema may see. */
function excess(signal: unknown): Result | undefined {
  const attributes: unknown = (signal as { readonly attributes?: unknown } | null)?.attributes
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return undefined
  const count = Object.keys(attributes).length
  if (count <= LIMITS.attributes && hasFewValues(attributes as Record<string, unknown>)) return undefined
  const message =
    count > LIMITS.attributes
      ? `Must have at most ${LIMITS.attributes} fields`
      : `Must have at most ${LIMITS.values} values, with the elements of lists`
  return { success: false, issues: [{ code: 'custom', path: ['attributes'], message, input: undefined }] }
}
