/** Thrown when the store's disk or files cannot be used. Nothing was stored. The message contains no paths. */
export class StorageError extends Error {
  /** False when a person has to restore or repair the files. */
  readonly isTemporary: boolean

  constructor(message: string, isTemporary: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StorageError'
    this.isTemporary = isTemporary
  }
}
