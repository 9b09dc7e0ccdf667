/** What the engine refused or could not do, with the way out. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
}
