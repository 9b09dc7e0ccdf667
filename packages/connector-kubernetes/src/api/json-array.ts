import { createByteQueue } from './byte-queue.ts'

/*
 * Parses the items of a large array in a JSON object some at a time. A page of 500 pods, or a kubelet's summary of
 * 100, would stall the event loop if it was parsed at once, and take many times the memory of its projection.
 *
 * Every item begins like the first one, as `{"metadata":`, so the end of an item is found by searching for
 * `},{"metadata":`. A match may be within an item: then `parse` rejects the text before it, since the beginning of an
 * object is never an object itself. The engine searches the bytes: a loop in JavaScript would take ten times as long
 * as parsing does.
 */

/** Maximum size of one item, in bytes. etcd stores no object above 1.5 MiB, which JSON can multiply. */
const MAX_ITEM_BYTES = 16 * 1024 * 1024

/** Maximum number of bytes before the array. */
const MAX_HEAD_BYTES = 64 * 1024

/** Maximum number of bytes from the key of an array to the first key of its first item, with white space. */
const MAX_BEGINNING_BYTES = 1024

/** Maximum number of attempts to find the end of an item in the received bytes. */
const MAX_CUTS = 4

interface ArrayStart {
  /** The text before the first item. */
  readonly head: string
  /** Ends an item and begins the next one. `undefined` for an array without objects: it is then parsed at once. */
  readonly separator: string | undefined
}

/** Returns `undefined` if the text ends before the first item. Strings cannot contain the key: they escape quotes. */
function findArray(text: string, key: string): ArrayStart | undefined {
  const found = new RegExp(`"${key}":\\s*\\[`).exec(text)
  if (found === null) return undefined
  const at = found.index + found[0].length
  const first = text.indexOf(':', at)
  const isEmpty = /^\s*\]/.test(text.slice(at, at + 256))
  if (first === -1 && !isEmpty) return undefined
  const beginning = text.slice(at, first + 1)
  return { head: text.slice(0, at), separator: /^\s*\{\s*"\w+":$/.test(beginning) ? `},${beginning}` : undefined }
}

/** Parses the items of `{"kind":…,"metadata":{…},"items":[{…},{…}]}` while it arrives. */
export function createItemReader(parse: (text: string) => unknown) {
  const received = createByteQueue()
  let start: ArrayStart | undefined
  let waitForBytes = 0
  const cut = (separator: string): readonly unknown[] => {
    let end = received.size
    for (let cuts = 0; cuts < MAX_CUTS; cuts += 1) {
      end = received.lastIndexOf(separator, end)
      if (end === -1) return []
      try {
        const items = parse(`[${received.text(0, end + 1)}]`) as readonly unknown[]
        received.drop(end + 2)
        return items
      } catch {
        // The separator was within an item.
      }
    }
    // An item full of separators costs a few attempts per doubling of its size, not per chunk.
    waitForBytes = 2 * received.size
    return []
  }
  return {
    /** Returns complete items, without the latest one, whose end is not received. @throws Error for a too large one */
    read: (chunk: Buffer): readonly unknown[] => {
      received.add(chunk)
      if (received.size > MAX_ITEM_BYTES)
        throw new Error(`an object of the list is larger than ${MAX_ITEM_BYTES} bytes`)
      if (start === undefined && received.size - chunk.length < MAX_HEAD_BYTES) {
        start = findArray(received.text(0, Math.min(received.size, MAX_HEAD_BYTES)), 'items')
        if (start !== undefined) received.drop(Buffer.byteLength(start.head))
      }
      if (start?.separator === undefined || received.size < waitForBytes) return []
      waitForBytes = 0
      return cut(start.separator)
    },
    /** Returns the remaining items and the list's metadata. @throws Error when the list is incomplete */
    end: (): { readonly items: readonly unknown[]; readonly metadata: unknown } => {
      const text = `${start?.head ?? ''}${received.text(0, received.size)}`
      const list = parse(text) as { readonly items?: unknown; readonly metadata?: unknown } | null
      return { items: Array.isArray(list?.items) ? list.items : [], metadata: list?.metadata }
    },
  }
}

/**
 * Parses a JSON object whose property `key` is an array of objects: the result has an iterable in its place, which
 * parses each item when it is reached. An object of another format is parsed at once.
 *
 * @param json UTF-8
 */
export function parseWithLazyArray(json: Buffer, key: string): unknown {
  const at = json.indexOf(`"${key}":`)
  const { head, separator } = findArray(json.toString('utf8', 0, Math.max(at, 0) + MAX_BEGINNING_BYTES), key) ?? {}
  const last = separator === undefined ? -1 : json.lastIndexOf(separator)
  if (head === undefined || separator === undefined || last === -1) return JSON.parse(json.toString())
  try {
    const start = JSON.parse(`${head}]}`) as object
    const end = JSON.parse(`{"${key}":[${json.toString('utf8', last + 2)}`) as Record<string, readonly unknown[]>
    const items = itemsOf(json.subarray(Buffer.byteLength(head), last + 2), separator, end[key] ?? [])
    return { ...start, ...end, [key]: items }
  } catch {
    return JSON.parse(json.toString())
  }
}

/** @param json the items but the last ones, each followed by a comma */
function* itemsOf(json: Buffer, separator: string, last: readonly unknown[]): Iterable<unknown> {
  for (let start = 0; start < json.length; ) {
    const found = json.indexOf(separator, start)
    const end = found === -1 ? json.length - 1 : found + 1
    yield JSON.parse(json.toString('utf8', start, end))
    start = end + 1
  }
  yield* last
}
