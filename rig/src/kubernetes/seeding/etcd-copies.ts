import { createHash } from 'node:crypto'

/** Limits of one etcd transaction, below those of etcd: 1.5 MiB and 128 operations. */
const MAX_BYTES = 1_000_000
const MAX_OBJECTS = 100

/** Prefixes of an API server's etcd keys, by kind. */
const KEY_PREFIXES = {
  pods: 'pods',
  deployments: 'deployments',
  replicasets: 'replicasets',
  services: 'services/specs',
  configmaps: 'configmaps',
  endpointslices: 'endpointslices',
  events: 'events',
} as const

export type CopiedKind = keyof typeof KEY_PREFIXES

/** A copy of an object that the API server stored. Every text in `texts` is replaced wherever it occurs. */
export interface Copy {
  readonly kind: CopiedKind
  readonly namespace: string
  readonly name: string
  readonly prototype: string
  readonly texts: readonly (readonly [from: string, to: string])[]
}

/** Derives a uid from a name. */
export function uidOf(name: string): string {
  const hash = createHash('sha1').update(name).digest('hex')
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `4${hash.slice(13, 16)}`,
    `a${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-')
}

/**
 * Writes copies into etcd, ten times as fast as through the API server, which takes half a millisecond per object. The
 * server sends them to its watches, as it does with writes of other servers.
 */
export async function writeCopies(etcdUrl: string, copies: Iterable<Copy>): Promise<void> {
  let batch: object[] = []
  let size = 0
  const write = async (): Promise<void> => {
    const body = JSON.stringify({ success: batch })
    batch = []
    size = 0
    const response = await fetch(`${etcdUrl}/v3/kv/txn`, { method: 'POST', body })
    if (!response.ok) throw new Error(`etcd answered ${response.status}: ${await response.text()}`)
    await response.arrayBuffer()
  }
  for (const { kind, namespace, name, prototype, texts } of copies) {
    let text = prototype
    for (const [from, to] of texts) text = text.replaceAll(from, to)
    const value = Buffer.from(text)
    if (batch.length === MAX_OBJECTS || size + value.length > MAX_BYTES) await write()
    const key = Buffer.from(`/registry/${KEY_PREFIXES[kind]}/${namespace}/${name}`)
    batch.push({ requestPut: { key: key.toString('base64'), value: value.toString('base64') } })
    size += value.length
  }
  if (batch.length > 0) await write()
}
