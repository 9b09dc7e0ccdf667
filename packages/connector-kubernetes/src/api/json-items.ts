import { holdBytes } from './held-bytes.ts'

/** Longest object that is waited for, in bytes: etcd keeps none above 1.5 MiB, which JSON can make a few times longer. */
const LONGEST = 16 * 1024 * 1024

/** How far a list's items are looked for, in bytes: what comes before them is short. */
const LONGEST_START = 64 * 1024

/** How many cuts are tried in what has arrived. */
const CUTS = 4

const ITEMS = '"items":['

/** Takes a list apart while it arrives. */
export interface ItemReader {
  /** Items that are complete: not the newest, whose end is not seen yet. @throws Error when one has no end */
  read(chunk: Buffer): readonly unknown[]
  /** The rest of them, and the list's metadata, once all is read. @throws Error when it broke off */
  end(): ListEnd
}

/** How a list ends. */
export interface ListEnd {
  readonly items: readonly unknown[]
  readonly metadata: unknown
}

/**
 * Reads `{"kind":…,"metadata":{…},"items":[{…},{…}]}` some items at a time. Parsed at once, a page of 500 pods stalls the event loop, and
 * takes many times the memory of what is kept of it.
 *
 * Cuts where the next item seems to begin, as the first one did, and lets `parse` say whether it does: the start of an object is never an
 * object itself. The engine looks through the bytes, as a loop here would take ten times as long as parsing does.
 */
export function createItemReader(parse: (text: string) => unknown): ItemReader {
  const held = holdBytes()
  let start: ListStart | undefined
  let waitFor = 0
  const cut = (separator: string): readonly unknown[] => {
    let end = held.size
    for (let tries = 0; tries < CUTS; tries += 1) {
      end = held.lastIndexOf(separator, end)
      if (end === -1) return []
      const items = tryParse(parse, `[${held.text(0, end + 1)}]`)
      if (items === undefined) continue
      held.drop(end + 2)
      return items
    }
    // An object full of what looks like others costs a few attempts, not some for each chunk.
    waitFor = 2 * held.size
    return []
  }
  return {
    read: (chunk) => {
      held.add(chunk)
      if (held.size > LONGEST) throw new Error('an object of the list has no end')
      if (start === undefined && held.size - chunk.length < LONGEST_START) {
        start = startOf(held.text(0, Math.min(held.size, LONGEST_START)))
        if (start !== undefined) held.drop(Buffer.byteLength(start.text))
      }
      if (start?.separator === undefined || held.size < waitFor) return []
      waitFor = 0
      return cut(start.separator)
    },
    end: () => {
      const list = parse(`${start?.text ?? ''}${held.text(0, held.size)}`) as Partial<ListEnd> | null
      return { items: Array.isArray(list?.items) ? list.items : [], metadata: list?.metadata }
    },
  }
}

interface ListStart {
  /** Up to the first item. */
  readonly text: string
  /** Ends an item and begins the next. `undefined` where there is no item, or a strange one: the list is then read as a whole. */
  readonly separator: string | undefined
}

/** `undefined` where that is not there yet. No text can contain what is looked for, since quotes are escaped within one. */
function startOf(text: string): ListStart | undefined {
  const at = text.indexOf(ITEMS)
  if (at === -1) return undefined
  const first = text.indexOf(':', at + ITEMS.length)
  const isEmpty = text[at + ITEMS.length] === ']'
  if (first === -1 && !isEmpty) return undefined
  const beginning = text.slice(at + ITEMS.length, first + 1)
  return {
    text: text.slice(0, at + ITEMS.length),
    separator: /^\{"\w+":$/.test(beginning) ? `},${beginning}` : undefined,
  }
}

function tryParse(parse: (text: string) => unknown, text: string): readonly unknown[] | undefined {
  try {
    return parse(text) as readonly unknown[]
  } catch {
    return undefined
  }
}
