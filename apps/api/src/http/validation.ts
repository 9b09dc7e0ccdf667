import { dataRequestSchema } from '@rca/core/protocol'
import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import { sentence } from '../sentence.ts'
import { pointerTo } from './pointer.ts'
import { type FieldProblem, invalid } from './problem-error.ts'
import { checkReports } from './report-validation.ts'

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
  const refuse = (issues: readonly z.core.$ZodIssue[]) => ({
    error: invalid(
      issues
        .slice(0, SHOWN)
        .flatMap((issue) => toProblems(issue, prefix))
        .slice(0, SHOWN),
    ),
  })
  if (schema === dataRequestSchema)
    return (data: unknown) => {
      const result = checkReports(data, SHOWN)
      return 'value' in result ? result : refuse(result.issues)
    }
  return (data: unknown) => {
    const result = schema.safeParse(data)
    return result.success ? { value: result.data } : refuse(result.error.issues)
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
  return issue.code === 'invalid_type' ? wrongType(issue) : sentence(issue.message)
}

/** What JSON calls the types that zod names otherwise. */
const NOUNS: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'a boolean',
  int: 'a whole number',
  null: 'null',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a string',
}

function wrongType(issue: z.core.$ZodIssueInvalidType): string {
  const received = /received (\w+)$/.exec(issue.message)?.[1]
  const expected = NOUNS[issue.expected] ?? issue.expected
  if (received === undefined) return sentence(issue.message)
  if (received === 'undefined')
    return issue.path.length === 0 ? 'The body is missing.' : `It is missing: ${expected} is expected.`
  if (received === 'number') return `It must be ${expected}.`
  return `It must be ${expected}, not ${NOUNS[received] ?? received}.`
}
