import { REPORT_LIMITS, reportSchema } from '@rca/core/protocol'
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
})

/**
 * Validates like `dataRequestSchema.safeParse`, but stops after `maxIssues`. The schema collects the issues of every
 * signal, which takes seconds for 700 KB of empty ones.
 */
export function validateReports(
  data: unknown,
  maxIssues: number,
): { readonly value: unknown } | { readonly issues: readonly Issue[] } {
  const outline = outlineSchema.safeParse(data)
  if (!outline.success) return { issues: outline.error.issues }
  const issues: Issue[] = []
  for (const [index, report] of outline.data.reports.entries())
    for (const kind of KINDS) {
      const { element } = reportSchema.shape.data.shape[kind]
      for (const [place, signal] of report.data[kind].entries()) {
        const result = element.safeParse(signal)
        if (result.success) report.data[kind][place] = result.data
        else
          for (const issue of result.error.issues)
            issues.push({ ...issue, path: ['reports', index, 'data', kind, place, ...issue.path] })
        if (issues.length >= maxIssues) return { issues }
      }
    }
  return issues.length === 0 ? { value: outline.data } : { issues }
}
