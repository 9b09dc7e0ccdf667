import { CliError } from '../cli-error.ts'

/** Kinds of faults, with the status of those that are answers. */
const KINDS = {
  '401': 401,
  '403': 403,
  '429': 429,
  '500': 500,
  cut: undefined,
  slow: undefined,
  empty: undefined,
  malformed: undefined,
  half: undefined,
} as const

/** Kind of a fault. */
export type FaultKind = keyof typeof KINDS

/** A fault of some requests: of one by its number, of those whose address contains a text, or of all. */
export interface RequestFault {
  readonly kind: FaultKind
  readonly request?: number
  readonly text?: string
}

/** Reads a fault such as `403`, `403@3`, the third request, or `cut@/items`. @throws {CliError} */
export function parseFault(text: string): RequestFault {
  const [, kind = '', , place] = /^([^@]*)(@(.+))?$/.exec(text) ?? []
  if (!Object.hasOwn(KINDS, kind))
    throw new CliError(
      `\`${text}\` is not a fault: write one of ${Object.keys(KINDS).join(', ')}, for one request as \`403@3\`, for some as \`403@/items\`.`,
    )
  if (place === undefined) return { kind: kind as FaultKind }
  return /^[1-9]\d*$/.test(place)
    ? { kind: kind as FaultKind, request: Number(place) }
    : { kind: kind as FaultKind, text: place }
}

/** Returns whether a fault strikes a request. @param number of the request, from 1 */
export function strikes({ request, text }: RequestFault, number: number, url: string): boolean {
  if (request !== undefined) return request === number
  return text === undefined || url.includes(text)
}

/** Returns the answer that a fault makes of a recorded one. */
export function faultyAnswer(
  kind: FaultKind,
  recorded: { readonly body: Buffer; readonly headers: Headers },
): Response {
  const { body, headers } = recorded
  const status = KINDS[kind]
  if (status !== undefined) {
    const retry = status === 429 ? { 'retry-after': '1' } : undefined
    return new Response(`{"message":"injected ${status}"}`, {
      status,
      headers: { 'content-type': 'application/json', ...retry },
    })
  }
  const part = new Uint8Array(body.subarray(0, Math.floor(body.length / 2)))
  switch (kind) {
    case 'cut':
      // Without the length, the end of the connection would be the end of the body.
      headers.set('content-length', String(body.length + 1))
      return new Response(cutStream(part), { headers })
    case 'half':
      return new Response(part, { headers })
    case 'malformed':
      return new Response('<html>injected</html>', { headers })
    default:
      return new Response('', { headers })
  }
}

/** Sends a part, then breaks the connection. */
function cutStream(part: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  let isSent = false
  return new ReadableStream({
    pull(controller) {
      if (isSent) controller.error(new Error('injected: the connection was cut'))
      else controller.enqueue(part)
      isSent = true
    },
  })
}
