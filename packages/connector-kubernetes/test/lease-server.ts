import { KubernetesError } from '../src/api/errors.ts'
import type { KubernetesApi } from '../src/api/kubernetes-api.ts'

interface StoredLease {
  readonly metadata: { readonly resourceVersion: string }
  readonly spec?: { readonly holderIdentity?: string; readonly leaseTransitions?: number }
}

/** A server that has one lease at most, and refuses what is based on an older version of it. */
export function leaseServer(first?: object) {
  let version = 1
  let lease: StoredLease | undefined =
    first === undefined ? undefined : { ...first, metadata: { resourceVersion: '1' } }
  let failure: Error | undefined
  let mayCreate = true
  const unlessFailing = (): void => {
    if (failure !== undefined) throw failure
  }
  const store = (next: object): StoredLease => {
    version += 1
    lease = { ...next, metadata: { resourceVersion: String(version) } }
    return lease
  }
  const api: Pick<KubernetesApi, 'get' | 'create' | 'replace' | 'namespace'> = {
    namespace: 'rca',
    get: async () => {
      unlessFailing()
      return lease
    },
    create: async (_namespace, made) => {
      unlessFailing()
      if (!mayCreate) throw new KubernetesError('forbidden', { status: 403 })
      if (lease !== undefined) throw new KubernetesError('there is one', { status: 409 })
      return store(made)
    },
    replace: async (_resource, _path, next) => {
      unlessFailing()
      if (lease === undefined) throw new KubernetesError('there is none', { status: 404 })
      if ((next as StoredLease).metadata.resourceVersion !== lease.metadata.resourceVersion)
        throw new KubernetesError('another was faster', { status: 409 })
      return store(next)
    },
  }
  return {
    api,
    holder: () => lease?.spec?.holderIdentity,
    transitions: () => lease?.spec?.leaseTransitions,
    /** Writes as another client, such as an upgrade of the chart. */
    touch: () => store({ ...lease }),
    remove: () => {
      lease = undefined
    },
    fail: (error: Error | undefined) => {
      failure = error
    },
    forbidCreation: () => {
      mayCreate = false
    },
  }
}
