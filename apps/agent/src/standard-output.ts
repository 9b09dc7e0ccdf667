let write: (text: string) => unknown = (text) => process.stdout.write(text)

/** Prints a command's result to standard output. */
export function print(text: string): void {
  write(text)
}

/**
 * Sends to standard error what others print, such as a connector with `console.log`: from then on, standard output
 * holds only what {@link print} prints.
 */
export function reserveStandardOutput(): void {
  write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr)
}
