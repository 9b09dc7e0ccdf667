import { explained, KubernetesError, type RequestInfo } from './errors.ts'
import type { ApiResource } from './kubernetes-api.ts'
import type { HttpRequest, Transport } from './transport.ts'

/** Maximum size of an answer that is read at once. A kubelet's summary of some hundred pods is below one MiB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/** Accepts only metadata for a kind whose data is not read: the server must not send a Secret's data instead. */
export function acceptHeader({ isMetadataOnly }: ApiResource, list = ''): string | undefined {
  if (isMetadataOnly !== true) return undefined
  return `application/json;as=PartialObjectMetadata${list};g=meta.k8s.io;v=v1`
}

export function requestInfo(
  { address }: Transport,
  verb: string,
  { group, resource, namespace }: { group: string; resource: string; namespace?: string | undefined },
): RequestInfo {
  return { address, verb, group, resource, namespace }
}

interface ReadOptions extends Pick<HttpRequest, 'accept' | 'method' | 'body'> {
  /** @default JSON.parse */
  readonly parse?: ((body: Buffer) => unknown) | undefined
}

/** Reads a whole answer. @throws KubernetesError when there is no answer, or one longer than 32 MiB */
export function readJson(
  transport: Transport,
  request: RequestInfo,
  path: string,
  signal: AbortSignal,
  { parse = (body) => JSON.parse(body.toString()), ...options }: ReadOptions = {},
): Promise<unknown> {
  return explained(request, signal, async () =>
    parse(await readBody(await transport.send({ request, path, signal, ...options }))),
  )
}

/** Returns `undefined` if the server answers that the object does not exist. */
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

async function readBody(answer: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
