import { hash } from 'node:crypto'
import { callEtcd } from '../control-plane.ts'

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

/** A copy of an object that the API server stored. Every text in `texts` is replaced wherever it occurs. */
export interface Copy {
  readonly kind: keyof typeof KEY_PREFIXES
  readonly namespace: string
  readonly name: string
  readonly prototype: string
  readonly texts: readonly (readonly [from: string, to: string])[]
}

export function uidOf(name: string): string {
  const digits = hash('sha1', name)
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, '$1-$2-4$3-a$4-$5')
}

/**
 * Writes copies into etcd, ten times as fast as through the API server, which takes half a millisecond per object. The
 * server sends them to its watches, as it does with writes of other servers.
 */
export async function writeCopies(etcdUrl: string, copies: Iterable<Copy>): Promise<void> {
  let batch: object[] = []
  let size = 0
  const write = async (): Promise<void> => {
    await callEtcd(etcdUrl, 'txn', { success: batch })
    batch = []
    size = 0
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
