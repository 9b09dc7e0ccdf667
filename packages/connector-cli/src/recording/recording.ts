import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { CliError } from '../cli-error.ts'

const recordingSchema = z.object({
  format: z.literal(1),
  /** Time of the recording. */
  at: z.iso.datetime(),
  /** Options with which the connector ran, without secrets. */
  options: z.record(z.string(), z.string()),
  exchanges: z.array(
    z.object({
      method: z.string(),
      url: z.url(),
      status: z.int().min(200).max(599),
      headers: z.record(z.string(), z.string()),
      /** Text, or bytes in Base64 if `isBinary`. */
      body: z.string(),
      isBinary: z.boolean().optional(),
      /** The answer had not ended when the recording did: a stream. */
      isOpen: z.boolean().optional(),
    }),
  ),
})

/** Requests of a connector and their answers, in order. */
export type Recording = z.output<typeof recordingSchema>

/** One request and its answer. */
export type Exchange = Recording['exchanges'][number]

/** Reads a recording. @throws {CliError} if the file holds none */
export async function readRecording(file: string): Promise<Recording> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new CliError(
      `${file} cannot be read (${(error as Error).message}). Make it with \`rca-connector record ${file}\`.`,
      { cause: error },
    )
  }
  const result = recordingSchema.safeParse(content)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new CliError(`${file} is not a recording: \`${issue?.path.join('.')}\`: ${issue?.message}`)
}
