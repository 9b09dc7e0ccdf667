/** Most things that are remembered. */
const MOST = 20_000

/** Says of each thing whether it is named for the first time. The oldest are forgotten. */
export function createOnce(): (name: string) => boolean {
  const named = new Set<string>()
  return (name) => {
    if (named.has(name)) return false
    named.add(name)
    const [oldest] = named
    if (named.size > MOST && oldest !== undefined) named.delete(oldest)
    return true
  }
}
