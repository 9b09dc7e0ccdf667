/** Where a pod of a summary begins. No text can contain it, since quotes are escaped within one. */
const POD = /\{\s*"podRef":/g

/**
 * What a kubelet wrote, with its pods one at a time: parsed at once, the summary of a hundred pods takes some MiB, and stalls the event
 * loop. What is written in another way than kubelets do is parsed as a whole.
 */
export function parseSummary(text: string): unknown {
  const starts = Array.from(text.matchAll(POD), ({ index }) => index)
  const [first, last] = [starts[0], starts.at(-1)]
  if (first === undefined || last === undefined || first === last) return JSON.parse(text)
  try {
    const head = JSON.parse(`${text.slice(0, first)}]}`) as object
    const tail = JSON.parse(`{"pods":[${text.slice(last)}`) as { readonly pods: readonly unknown[] }
    return { ...head, ...tail, pods: podsOf(text, starts, tail.pods) }
  } catch {
    return JSON.parse(text)
  }
}

function* podsOf(text: string, starts: readonly number[], last: readonly unknown[]): Iterable<unknown> {
  for (let pod = 0; pod + 1 < starts.length; pod += 1) {
    const piece = text.slice(starts[pod], starts[pod + 1])
    yield JSON.parse(piece.slice(0, piece.lastIndexOf(',')))
  }
  yield* last
}
