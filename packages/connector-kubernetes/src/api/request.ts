import { KubernetesError } from './errors.ts'
import { explainAbort, explainFailure, type Question } from './explain-failure.ts'
import type { ApiResource } from './kubernetes-api.ts'
import { readBody } from './read-body.ts'
import type { Transport } from './transport.ts'

/** Longest answer that is read as a whole, in bytes: a kubelet's summary of some hundred pods is below one MiB. */
const LONGEST = 32 * 1024 * 1024

/** Where only metadata is wanted nothing else is accepted: a server that cannot do that must not send a Secret's data instead. */
export function acceptOf({ isMetadataOnly }: ApiResource, list = ''): string | undefined {
  if (isMetadataOnly !== true) return undefined
  return `application/json;as=PartialObjectMetadata${list};g=meta.k8s.io;v=v1`
}

/** What is asked, as errors name it. */
export function ask(
  { address }: Transport,
  verb: string,
  { group, resource, namespace }: { group: string; resource: string; namespace?: string | undefined },
): Question {
  return { address, verb, group, resource, namespace }
}

interface ReadOptions {
  readonly accept?: string | undefined
  /** @default JSON.parse */
  readonly parse?: ((body: Buffer) => unknown) | undefined
  /** With a body it is written. @default 'GET' */
  readonly method?: 'POST' | 'PUT'
  readonly body?: object
}

function parseBody(body: Buffer): unknown {
  return JSON.parse(body.toString())
}

/** Reads an answer as a whole. @throws KubernetesError when there is none, or it is longer than 32 MiB */
export function readJson(
  transport: Transport,
  question: Question,
  path: string,
  signal: AbortSignal,
  { parse = parseBody, ...asked }: ReadOptions = {},
): Promise<unknown> {
  return reading(question, signal, async () =>
    parse(await readBody(await transport.ask({ question, path, signal, ...asked }), LONGEST)),
  )
}

/** Explains also what happens after an answer has begun. @throws KubernetesError, or the reason for which `signal` aborted */
export async function reading<Answer>(
  question: Question,
  signal: AbortSignal,
  read: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await read()
  } catch (error) {
    throw signal.aborted ? explainAbort(question, signal) : explainFailure(question, error)
  }
}

/** `undefined` where the server answers that there is none. */
export async function unlessMissing<Answer>(
  answer: Promise<Answer>,
  missing: readonly number[] = [404],
): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof KubernetesError && error.status !== undefined && missing.includes(error.status))
      return undefined
    throw error
  }
}
