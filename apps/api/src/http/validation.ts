import { runInTimeSlices } from '@rca/core'
import { dataRequestSchema } from '@rca/core/protocol'
import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import { type FieldProblem, invalid, MAX_FIELD_PROBLEMS, pointerTo, sentence } from './problem-error.ts'
import { validateReports } from './report-validation.ts'

/** Prefix of the pointers into each part of a request. Pointers into the body have none. */
const PREFIXES: Readonly<Record<string, readonly string[]>> = {
  body: [],
  querystring: ['query'],
  params: ['path'],
  headers: ['headers'],
}

/** Validates requests with zod and answers invalid ones with a 422 that names the fields. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const prefix = PREFIXES[httpPart ?? 'body'] ?? []
  const refuse = (issues: readonly z.core.$ZodIssue[]) => {
    const problems = issues.slice(0, MAX_FIELD_PROBLEMS).flatMap((issue) => toProblems(issue, prefix))
    return { error: invalid(problems.slice(0, MAX_FIELD_PROBLEMS)) }
  }
  if (schema === dataRequestSchema) {
    // Fastify takes only an error from a promise. The validated reports replace the received ones in the body.
    const validate = async (data: unknown): Promise<void> => {
      const result = await runInTimeSlices(validateReports(data, MAX_FIELD_PROBLEMS))
      if ('issues' in result) throw refuse(result.issues).error
      Object.assign(data as object, result.value)
    }
    return validate as unknown as ReturnType<FastifySchemaCompiler<z.ZodType>>
  }
  return (data: unknown) => {
    const result = schema.safeParse(data)
    return result.success ? { value: result.data } : refuse(result.error.issues)
  }
}

function toProblems(issue: z.core.$ZodIssue, prefix: readonly string[]): FieldProblem[] {
  const path = [...prefix, ...issue.path]
  if (issue.code !== 'unrecognized_keys') return [{ pointer: pointerTo(path), detail: detailOf(issue) }]
  return issue.keys.map((key) => ({ pointer: pointerTo([...path, key]), detail: 'Unknown field.' }))
}

function detailOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0)
    return [...new Set(issue.errors.flat().map(detailOf))].join(' Or: ')
  return issue.code === 'invalid_type' ? wrongType(issue) : sentence(issue.message)
}

/** JSON's names of zod's types. */
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
    return issue.path.length === 0 ? 'The body is required.' : `This field is required and must be ${expected}.`
  if (received === 'number') return `Must be ${expected}.`
  return `Must be ${expected}, not ${NOUNS[received] ?? received}.`
}
