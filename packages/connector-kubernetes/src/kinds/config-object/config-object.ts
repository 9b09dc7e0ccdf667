import { type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'
import type { KeyedHash } from '../workload/pod-template.ts'

/** A ConfigMap or Secret: that it is there and whether it changed. Its data is never asked for. */
export interface ConfigObject extends Metadata {
  /** Of its version: another one means that it was written to. */
  readonly keyedHash: string
  readonly managers: readonly Manager[]
}

/** @throws Error when it has no name or uid. */
export function projectConfigObject(raw: unknown, keyedHash: KeyedHash): ConfigObject {
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    keyedHash: keyedHash(`${metadata.uid}/${metadata.resourceVersion}`),
    managers: managersOf(raw),
  }
}
