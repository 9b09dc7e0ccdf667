import type { InterruptibleTask } from '@rca/core'
import { LIMITS, REPORT_LIMITS } from '@rca/core/protocol'
import { findUnstorableNames, isUnstorableKey } from './json-names.ts'
import { describePosition } from './json-position.ts'
import { invalid, MAX_FIELD_PROBLEMS, ProblemError, pointerTo } from './problem-error.ts'
import { tooLarge } from './request-body.ts'

/** Maximum nesting of arrays and objects in a body. A report has eight levels. */
const MAX_DEPTH = 64

/** Maximum fields of an object. Options and collectors are the most numerous. */
const MAX_FIELDS = 256

/** Maximum elements of an array: no list of signals is longer. */
const MAX_ELEMENTS: number = Math.max(...Object.values(REPORT_LIMITS))

/** Maximum size of a name as written: every character may be an escape of six bytes. */
const MAX_NAME_BYTES = 6 * LIMITS.name

/** Size of a body without its signals: 1000 reports have about 400 KiB. */
const MAX_OUTLINE_BYTES = 512 * 1024

/** Size up to which a body is parsed in one piece. */
const MAX_WHOLE_BYTES = 128 * 1024

/** Size from which signals are parsed together. A larger signal is parsed alone. */
const GROUP_BYTES = 8192

/** Bytes between two chances to yield to the event loop. */
const STEP_BYTES = 16_384

/** Every whitespace of JSON is at most a space, and all else is more in valid JSON. */
const SPACE = 32

const [COMMA, COLON, QUOTE, BACKSLASH, LOWER_U] = [44, 58, 34, 92, 117] as const
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125] as const

/** Containers around the signals: `{"reports":[{"data":{"metrics":[`. */
const SIGNAL_LIST = [OPEN_BRACE, OPEN_BRACKET, OPEN_BRACE, OPEN_BRACE, OPEN_BRACKET] as const

/** A list of signals: the bytes between its brackets, and commas between groups of signals. */
interface SignalList {
  readonly start: number
  readonly cuts: number[]
  readonly end: number
}

type Range = readonly [start: number, end: number]

interface Scan {
  readonly lists: readonly SignalList[]
  /** True if the body may contain names that cannot be stored unchanged. */
  readonly suspicious: boolean
}

/**
 * Parses a JSON body. An empty body becomes `undefined`; the route's schema allows or refuses it. Checks all bounds
 * before it parses, and parses the signals of a large body in groups: `JSON.parse` blocks the event loop, and takes
 * seconds for some bodies of a few MB.
 *
 * @throws {ProblemError} 400 with the position of a syntax error, without quoting the text, or for a body that is
 * nested too deeply; 413 for too much beside its signals; 422 for too large signals, too many fields or elements, and
 * names that cannot be stored unchanged.
 */
export function* parseJsonBody(body: Buffer, sizeAdvice?: string): InterruptibleTask<never, unknown> {
  if (body.length === 0) return undefined
  const { lists, suspicious } = yield* scan(body, sizeAdvice)
  if (body.length > MAX_WHOLE_BYTES) return yield* parseInGroups(body, lists, suspicious)
  const value = parse(body.toString())
  if (suspicious) refuseUnstorable(value, [])
  return value
}

/** Checks the bounds of a body. Does not check its syntax, so `JSON.parse` must read every byte of it. */
function* scan(body: Uint8Array, sizeAdvice?: string): InterruptibleTask<never, Scan> {
  const nesting = createNesting(body)
  const lists: SignalList[] = []
  let list: { start: number; cuts: number[]; groupStart: number; signalStart: number } | undefined
  let text: Range = [0, 0]
  let suspicious = false
  let outlineBytes = 0
  let nextStep = STEP_BYTES

  const endSignal = (index: number): void => {
    if (list === undefined || !nesting.isInSignalList()) return
    if (index - list.signalStart > LIMITS.signal) throw tooMuch(nesting.path(), SIGNAL_TOO_LARGE)
    list.signalStart = index + 1
    if (index - list.groupStart < GROUP_BYTES) return
    list.cuts.push(index)
    list.groupStart = index + 1
  }

  for (let index = 0; index < body.length; index += 1) {
    if (index >= nextStep) {
      nextStep = index + STEP_BYTES
      yield
    }
    const begin = index
    const byte = body[index] ?? 0
    if (byte === QUOTE) {
      for (index += 1; index < body.length && body[index] !== QUOTE; index += 1) {
        // A text may be as long as the body.
        if (index >= nextStep) {
          nextStep = index + STEP_BYTES
          yield
        }
        if (body[index] !== BACKSLASH) continue
        index += 1
        suspicious ||= body[index] === LOWER_U
      }
      text = [begin, index + 1]
    } else if (byte === COLON) {
      nesting.name(text)
      suspicious ||= isUnstorableKey(body, ...text)
    } else if (byte === COMMA) {
      endSignal(index)
      nesting.comma()
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      nesting.open(byte)
      if (byte === OPEN_BRACKET && nesting.isInSignalList())
        list = { start: index + 1, cuts: [], groupStart: index + 1, signalStart: index + 1 }
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      if (list !== undefined && nesting.isInSignalList()) {
        endSignal(index)
        // A cut is at a comma.
        if (list.cuts.at(-1) === index) list.cuts.pop()
        lists.push({ start: list.start, cuts: list.cuts, end: index })
        list = undefined
      }
      nesting.close()
    }
    if (list === undefined && byte > SPACE) outlineBytes += index + 1 - begin
  }
  if (outlineBytes > MAX_OUTLINE_BYTES)
    throw tooLarge(`${MAX_OUTLINE_BYTES} bytes, not counting signals and spaces`, sizeAdvice)
  return { lists, suspicious }
}

/** Tracks the containers around a byte, and refuses those with too many members. */
function createNesting(body: Uint8Array) {
  let depth = 0
  // By depth: `[` or `{`, the number of commas, and the last name.
  const kinds = new Uint8Array(MAX_DEPTH + 2)
  const commas = new Uint32Array(MAX_DEPTH + 2)
  const names: Range[] = []

  const path = (levels = depth): (string | number)[] =>
    Array.from({ length: levels }, (_, index) =>
      kinds[index + 1] === OPEN_BRACKET ? (commas[index + 1] ?? 0) : nameAt(body, names[index + 1]),
    )
  return {
    /** Returns the path to the value that is read, or to the container at a depth. */
    path,
    /** Returns true directly inside a list of signals. */
    isInSignalList: () => depth === SIGNAL_LIST.length && SIGNAL_LIST.every((kind, index) => kinds[index + 1] === kind),
    name: (range: Range): void => {
      if (range[1] - range[0] > MAX_NAME_BYTES) throw tooMuch(path(depth - 1), NAME_TOO_LONG)
      names[depth] = range
    },
    comma: (): void => {
      const isObject = kinds[depth] === OPEN_BRACE
      const count = (commas[depth] ?? 0) + 1
      if (count >= (isObject ? MAX_FIELDS : MAX_ELEMENTS)) throw tooMany(path(depth - 1), isObject)
      commas[depth] = count
    },
    open: (kind: number): void => {
      depth += 1
      if (depth > MAX_DEPTH)
        throw new ProblemError(400, `The body nests arrays and objects more than ${MAX_DEPTH} levels deep.`)
      kinds[depth] = kind
      commas[depth] = 0
    },
    /** Broken JSON may close more than it opens. */
    close: (): void => {
      depth = Math.max(0, depth - 1)
    },
  }
}

/** Parses the body with numbers in place of the signals, then the signals in groups. */
function* parseInGroups(
  body: Buffer,
  lists: readonly SignalList[],
  suspicious: boolean,
): InterruptibleTask<never, unknown> {
  const outline: Uint8Array[] = []
  let end = 0
  for (const [number, list] of lists.entries()) {
    outline.push(body.subarray(end, list.start), Buffer.from(String(number)))
    end = list.end
  }
  const value = parse(Buffer.concat([...outline, body.subarray(end)]).toString(), body)
  if (suspicious) refuseUnstorable(value, [])
  yield
  const paths = findLists(value)
  for (const [number, list] of lists.entries()) {
    const signals: unknown[] = []
    const place = paths.get(number)
    for (let [index, start] = [0, list.start]; index <= list.cuts.length; index += 1) {
      const cut = list.cuts[index] ?? list.end
      const group = parse(`[${body.toString('utf8', start, cut)}]`, body) as unknown[]
      // Nothing follows the comma before the group.
      if (group.length === 0 && index > 0) throw syntaxError('')
      if (suspicious && place !== undefined)
        for (const [offset, signal] of group.entries())
          refuseUnstorable(signal, [...place.path, signals.length + offset])
      for (const signal of group) signals.push(signal)
      start = cut + 1
      yield
    }
    if (place !== undefined) place.data[place.kind] = signals
  }
  return value
}

interface ListPlace {
  readonly data: Record<string, unknown>
  readonly kind: string
  readonly path: readonly (string | number)[]
}

/** Finds the lists of signals by their numbers. Lists in unknown fields have no place. */
function findLists(value: unknown): ReadonlyMap<number, ListPlace> {
  const places = new Map<number, ListPlace>()
  const reports = fieldOf(value, 'reports')
  if (!Array.isArray(reports)) return places
  for (const [index, report] of reports.entries()) {
    const data = fieldOf(report, 'data')
    for (const kind of Object.keys(REPORT_LIMITS)) {
      const list = fieldOf(data, kind)
      if (Array.isArray(list))
        places.set(Number(list[0]), {
          data: data as Record<string, unknown>,
          kind,
          path: ['reports', index, 'data', kind],
        })
    }
  }
  return places
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

/** @param whole the body, if the text is only a part of it */
function parse(text: string, whole?: Uint8Array): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw syntaxError(whole === undefined ? describePosition(text, (error as Error).message) : '')
  }
}

function syntaxError(where: string): ProblemError {
  return new ProblemError(400, `The body is not valid JSON${where}.`)
}

function refuseUnstorable(value: unknown, path: readonly (string | number)[]): void {
  const found = findUnstorableNames(value, path, MAX_FIELD_PROBLEMS)
  if (found.length > 0) throw invalid(found)
}

const SIGNAL_TOO_LARGE = `This signal is larger than ${LIMITS.signal} bytes of JSON. Shorten its texts.`
const NAME_TOO_LONG = `A name in this object is longer than ${LIMITS.name} characters.`

function tooMuch(path: readonly (string | number)[], detail: string): ProblemError {
  return invalid([{ pointer: pointerTo(path), detail }])
}

function tooMany(path: readonly (string | number)[], isObject: boolean): ProblemError {
  const max = isObject ? (path.at(-1) === 'attributes' ? LIMITS.attributes : MAX_FIELDS) : MAX_ELEMENTS
  return tooMuch(path, `Must have at most ${max} ${isObject ? 'fields' : 'elements'}.`)
}

/** Reads a name for a pointer. */
function nameAt(body: Uint8Array, range: Range | undefined): string {
  try {
    return String(JSON.parse(Buffer.from(body.subarray(range?.[0] ?? 0, range?.[1] ?? 0)).toString()))
  } catch {
    return ''
  }
}
