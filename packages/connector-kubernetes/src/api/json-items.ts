const [QUOTE, BACKSLASH, COMMA, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [34, 92, 44, 91, 93, 123, 125]

/** Longest object that is waited for, in bytes: etcd keeps none above 1.5 MiB, which JSON can make a few times longer. */
const LONGEST = 16 * 1024 * 1024

/** Takes a list apart while it arrives. */
export interface ItemReader {
  /** The items that are complete with this chunk. */
  read(chunk: Buffer): unknown[]
  /** The list without its items, once all is read. @throws Error when it broke off. */
  end(): unknown
}

/**
 * Reads `{"kind":…,"metadata":{…},"items":[{…},{…}]}` item by item. Parsed at once, a page of 500 pods stalls the event loop, and
 * takes many times the memory of what is kept of it.
 */
export function createItemReader(parse: (item: string) => unknown): ItemReader {
  const scan = createScanner()
  const envelope = createParts()
  const item = createParts()
  let isItem = false
  return {
    read: (chunk) => {
      const items: unknown[] = []
      let start = 0
      const cut = (edge: Edge, at: number): void => {
        if (edge === 'begin') {
          envelope.add(chunk.subarray(start, at))
          start = at
          isItem = true
        } else if (edge === 'end') {
          item.add(chunk.subarray(start, at))
          items.push(parse(item.take()))
          start = at
          isItem = false
        } else start = at
      }
      scan(chunk, cut)
      const rest = chunk.subarray(start)
      if (isItem) item.add(rest)
      else envelope.add(rest)
      return items
    },
    end: () => {
      if (isItem) throw new Error('the list broke off')
      return JSON.parse(envelope.take())
    },
  }
}

/** An item begins or ends here, or a comma between two ends. */
type Edge = 'begin' | 'end' | 'skip'

/** Finds the edges of items. The only array at the top of a list is that of its items, which are objects. */
function createScanner(): (chunk: Buffer, cut: (edge: Edge, at: number) => void) => void {
  let depth = 0
  let isText = false
  let isEscaped = false
  let isItems = false
  return (chunk, cut) => {
    const { length } = chunk
    for (let at = 0; at < length; at += 1) {
      const byte = chunk[at] as number
      if (isText) {
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) isText = false
      } else if (byte === QUOTE) isText = true
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (byte === OPEN_ARRAY && depth === 1) isItems = true
        depth += 1
        if (isItems && depth === 3) cut('begin', at)
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        depth -= 1
        if (isItems && depth === 2) cut('end', at + 1)
        if (depth === 1) isItems = false
      } else if (byte === COMMA && isItems && depth === 2) cut('skip', at + 1)
    }
  }
}

/** A text that may begin in one chunk and end in another. */
function createParts() {
  let parts: Buffer[] = []
  let size = 0
  return {
    add: (part: Buffer): void => {
      size += part.length
      if (size > LONGEST) throw new Error('an object of the list has no end')
      if (part.length > 0) parts.push(part)
    },
    take: (): string => {
      const [first, ...others] = parts
      parts = []
      size = 0
      if (first === undefined) return ''
      return (others.length === 0 ? first : Buffer.concat([first, ...others])).toString('utf8')
    },
  }
}
