import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import { pointerTo } from './pointer.ts'
import { type FieldProblem, invalid } from './problem-error.ts'

/** Most fields that one answer names. */
const SHOWN = 20

/** Where each part of a request stands in pointers. The body is what pointers point into, as agents and people expect. */
const PREFIXES: Readonly<Record<string, readonly string[]>> = {
  body: [],
  querystring: ['query'],
  params: ['path'],
  headers: ['headers'],
}

/** Checks requests with zod; what is wrong becomes a 422 that names the fields. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const prefix = PREFIXES[httpPart ?? 'body'] ?? []
  return (data: unknown) => {
    const result = schema.safeParse(data)
    if (result.success) return { value: result.data }
    return { error: invalid(result.error.issues.flatMap((issue) => toProblems(issue, prefix)).slice(0, SHOWN)) }
  }
}

function toProblems(issue: z.core.$ZodIssue, prefix: readonly string[]): FieldProblem[] {
  const path = [...prefix, ...issue.path]
  if (issue.code !== 'unrecognized_keys') return [{ pointer: pointerTo(path), detail: detailOf(issue) }]
  return issue.keys.map((key) => ({ pointer: pointerTo([...path, key]), detail: 'There is no such field here.' }))
}

function detailOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0)
    return [...new Set(issue.errors.flat().map(detailOf))].join(' Or: ')
  const missing = issue.code === 'invalid_type' && /received (?:undefined|null)$/.test(issue.message)
  if (missing) return issue.path.length === 0 ? 'The body is missing.' : `It is missing: ${issue.expected} is expected.`
  return /[.!?]$/.test(issue.message) ? issue.message : `${issue.message}.`
}
