import type { Connector } from '@rca/core/connector'
import { KubernetesError } from './api/errors.ts'
import type { KubernetesApi } from './api/kubernetes-api.ts'
import { fields, text } from './kinds/fields.ts'

/** The Secret of the agent itself, with its data. */
export const SECRETS = {
  group: '',
  version: 'v1',
  resource: 'secrets',
  kind: 'Secret',
  isNamespaced: true,
  verbs: ['get', 'update'],
}

const DEFAULT_NAMESPACE = 'default'

type KeyStore = ReturnType<NonNullable<Connector['keyStore']>>

/** The part of the client that the store needs. */
export interface KeyStoreClient {
  readonly config: { readonly key_secret?: string | undefined }
  readonly api: Pick<KubernetesApi, 'get' | 'replace' | 'namespace'>
}

/** Returns the store of the agent's key in the Secret of `key_secret`, `undefined` without this option. */
export function openKeySecret({ config: { key_secret: name }, api }: KeyStoreClient): KeyStore {
  if (name === undefined) return undefined
  const path = { name, namespace: api.namespace ?? DEFAULT_NAMESPACE }
  const readSecret = async (signal: AbortSignal): Promise<object> => {
    const secret = await api.get(SECRETS, path, signal)
    if (secret !== undefined) return fields(secret)
    throw new KubernetesError(
      `\`key_secret\`: Secret ${name} does not exist in namespace ${path.namespace}. The chart creates it: install the chart again, or create an empty Secret`,
      { status: 404 },
    )
  }
  return {
    read: async (entry, signal) => {
      const encoded = text(dataOf(await readSecret(signal))[entry])
      return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8')
    },
    write: async (entry, value, signal) => {
      const secret = await readSecret(signal)
      const data = { ...dataOf(secret), [entry]: Buffer.from(value).toString('base64') }
      await api.replace(SECRETS, path, { ...secret, data }, signal)
    },
  }
}

function dataOf(secret: object): Readonly<Record<string, unknown>> {
  return fields(fields(secret).data)
}
