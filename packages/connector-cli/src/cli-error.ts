/** A failure that the author of a connector can mend: its message is all that is printed. */
export class CliError extends Error {
  override readonly name = 'CliError'
}
