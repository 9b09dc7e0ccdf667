/** Start of the time in tests. */
export const START = '2026-11-25T10:00:00Z'

/** So many seconds after that. */
export function at(seconds: number): string {
  return new Date(Date.parse(START) + seconds * 1000).toISOString().replace('.000Z', 'Z')
}

interface Ending {
  readonly exitCode?: number
  readonly reason?: string
  readonly message?: string
  readonly signal?: number
  /** Seconds after the test's time began. */
  readonly from?: number
  readonly to?: number
}

/** How the run of this number ended. */
export function terminated(run: number, { exitCode = 1, reason = 'Error', from, to = 0, ...more }: Ending = {}) {
  return {
    terminated: {
      exitCode,
      reason,
      startedAt: at(from ?? to - 1),
      finishedAt: at(to),
      containerID: `containerd://run-${run}`,
      ...more,
    },
  }
}

/** A container that waits. */
export function waiting(reason: string, message?: string) {
  return { waiting: { reason, message } }
}

/** The status of the container `app`. */
export function status(restartCount: number, state: object, lastState: object = {}, more: object = {}) {
  return {
    name: 'app',
    image: 'shop/web:1',
    imageID: 'shop/web@sha256:1',
    containerID: 'containerd://now',
    ready: false,
    restartCount,
    state,
    lastState,
    ...more,
  }
}

/** A pod of the ReplicaSet `web-1` with one container, as a server writes it. */
export function podOf(
  containerStatus: object | undefined,
  { metadata = {}, spec = {}, status: more = {} }: PodParts = {},
) {
  return {
    metadata: {
      name: 'web-1-a',
      namespace: 'shop',
      uid: 'pod-a',
      creationTimestamp: START,
      ownerReferences: [{ kind: 'ReplicaSet', name: 'web-1', uid: 'rs-1', controller: true }],
      ...metadata,
    },
    spec: {
      nodeName: 'node-1',
      restartPolicy: 'Always',
      containers: [
        {
          name: 'app',
          image: 'shop/web:1',
          env: [{ name: 'DB_PASSWORD', value: 'canary-of-the-shop' }],
          command: ['sh', '-c', 'canary-command'],
          resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } },
        },
      ],
      ...spec,
    },
    status: {
      phase: 'Running',
      ...(containerStatus === undefined ? {} : { containerStatuses: [containerStatus] }),
      ...more,
    },
  }
}

interface PodParts {
  readonly metadata?: object
  readonly spec?: object
  readonly status?: object
}

/** The ReplicaSet of these pods, which is one of the Deployment `web`. */
export const replicaSet = {
  metadata: {
    name: 'web-1',
    namespace: 'shop',
    uid: 'rs-1',
    ownerReferences: [{ kind: 'Deployment', name: 'web', uid: 'deployment-1', controller: true }],
  },
}

/** A warning about the pod, as a server writes it. */
export function report(reason: string, message: string, more: object = {}) {
  return {
    metadata: { name: `web-1-a.${reason}`, namespace: 'shop', uid: `event-${reason}` },
    type: 'Warning',
    reason,
    message,
    involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-1-a', uid: 'pod-a' },
    source: { component: 'kubelet', host: 'node-1' },
    firstTimestamp: START,
    lastTimestamp: START,
    count: 1,
    ...more,
  }
}
