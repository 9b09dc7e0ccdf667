/** A ReplicaSet as the controller of Argo Rollouts makes one for a template. */
export interface RevisionOptions {
  readonly revision: number
  /** Pods that are wanted. @default 0 */
  readonly replicas?: number
  /** @default 1 */
  readonly image?: string
  /** Owner. @default the Rollout `shop/web` */
  readonly owner?: {
    readonly kind?: string
    readonly name?: string
    readonly uid?: string
    readonly apiVersion?: string
  }
}

/** `shop/web-<hash>`, whose pods have one container `app` with a variable. */
export function revisionOf(hash: string, { revision, replicas = 0, image = 'shop/web:1', owner }: RevisionOptions) {
  const labels = { app: 'web', 'rollouts-pod-template-hash': hash }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `web-${hash}`,
      namespace: 'shop',
      labels,
      annotations: {
        'rollout.argoproj.io/desired-replicas': '4',
        'rollout.argoproj.io/revision': `${revision}`,
        'meta.helm.sh/release-name': 'shop',
      },
      ownerReferences: [
        {
          apiVersion: 'argoproj.io/v1alpha1',
          kind: 'Rollout',
          name: 'web',
          uid: 'rollout-1',
          controller: true,
          ...owner,
        },
      ],
    },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'app', image, env: [{ name: 'DB_PASSWORD', value: 'canary-env' }] }] },
      },
    },
  }
}
