/** What tests need and is absent. */
export interface Absence {
  /** What it is; `undefined` where all is there. */
  readonly missing?: string
  /** Whether no installation brings it, such as another kernel: what needs it is then skipped, whatever is required. */
  readonly isUnattainable?: boolean
}
