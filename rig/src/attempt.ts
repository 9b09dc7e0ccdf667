/** Returns the result of a function, or `undefined` if it throws: files of processes come and go. */
export function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
