/** Returns a promise that the test settles. */
export function gate<Value = void>(): {
  readonly promise: Promise<Value>
  open(value: Value): void
  break(reason: unknown): void
} {
  let open: (value: Value) => void = () => undefined
  let breakIt: (reason: unknown) => void = () => undefined
  const promise = new Promise<Value>((resolve, reject) => {
    open = resolve
    breakIt = reject
  })
  return { promise, open: (value) => open(value), break: (reason) => breakIt(reason) }
}
