/** What every pod of a summary begins with. No text can contain it, since quotes are escaped within one. */
const POD_REFERENCE = '"podRef":'

/** What may stand before it: JSON's white space. */
const WHITE_SPACE: ReadonlySet<number | undefined> = new Set([...' \n\r\t'].map((space) => space.charCodeAt(0)))

const BRACE = '{'.charCodeAt(0)

/**
 * What a kubelet wrote, with its pods one at a time: parsed at once, the summary of a hundred pods takes some MiB, and stalls the event
 * loop. What is written in another way than kubelets do is parsed as a whole.
 *
 * @param json UTF-8
 */
export function parseSummary(json: Buffer): unknown {
  const starts = podsIn(json)
  const [first, last] = [starts[0], starts.at(-1)]
  if (first === undefined || last === undefined || first === last) return JSON.parse(json.toString())
  try {
    const head = JSON.parse(`${json.toString('utf8', 0, first)}]}`) as object
    const tail = JSON.parse(`{"pods":[${json.toString('utf8', last)}`) as { readonly pods: readonly unknown[] }
    return { ...head, ...tail, pods: podsOf(json, starts, tail.pods) }
  } catch {
    return JSON.parse(json.toString())
  }
}

/** Where pods begin. */
function podsIn(json: Buffer): readonly number[] {
  const starts: number[] = []
  for (let at = json.indexOf(POD_REFERENCE); at >= 0; at = json.indexOf(POD_REFERENCE, at + 1)) {
    let before = at - 1
    while (WHITE_SPACE.has(json[before])) before -= 1
    if (json[before] === BRACE) starts.push(before)
  }
  return starts
}

function* podsOf(json: Buffer, starts: readonly number[], last: readonly unknown[]): Iterable<unknown> {
  for (let pod = 0; pod + 1 < starts.length; pod += 1) {
    const piece = json.toString('utf8', starts[pod], starts[pod + 1])
    yield JSON.parse(piece.slice(0, piece.lastIndexOf(',')))
  }
  yield* last
}
