import type { KubernetesClient } from '../kubernetes-client.ts'

/** What is known of the memory that a container used. */
export interface LastMemory {
  /** Bytes of its working set. */
  readonly usage: number
  readonly at: Date
}

/** A client that measures what containers use. Absent where kubelets cannot be asked. */
interface MeasuringClient {
  readonly usage?: { lastMemory?(container: string): LastMemory | undefined } | undefined
}

/** The memory of a container at the last look, as it was before it ended. */
export function lastMemory(client: KubernetesClient, podUid: string, container: string): LastMemory | undefined {
  return (client as MeasuringClient).usage?.lastMemory?.(`${podUid}/${container}`)
}
