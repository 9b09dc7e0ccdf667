/** What the engine refused or could not do, with the way out. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  /** Status of the answer, where there was one: the engine is well, what it was asked about is not. */
  readonly status: number | undefined

  constructor(message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options)
    this.status = options.status
  }
}
