/** Placeholders in prototypes, replaced in every copy. */
export const PLACEHOLDERS = {
  app: 'placeholder-app',
  /** Id of containers and images: 32 digits. */
  id: 'abad1deaabad1deaabad1deaabad1dea',
  variable: 'PLACEHOLDER_APP',
  hash: 'placeholderhash',
  node: 'placeholder-node.internal',
  ip: '10.254.254.254',
  started: '2001-02-03T04:05:06Z',
} as const

export const MODES = ['running', 'crashing', 'killed', 'pulling', 'evicted', 'unschedulable'] as const

export type Mode = (typeof MODES)[number]

/** Returns the state of a pod: most run, some of every hundred do not. */
export function modeOf(index: number): Mode {
  if (index % 100 === 17) return 'unschedulable'
  if (index % 40 === 3) return 'crashing'
  if (index % 40 === 9) return 'killed'
  if (index % 200 === 33) return 'pulling'
  return index % 250 === 77 ? 'evicted' : 'running'
}

/** Returns a typical pod template: variables, probes, volumes, limits; two of five have a second container. */
export function podTemplate(variant: number) {
  const { app, variable } = PLACEHOLDERS
  const memory = ['128Mi', '256Mi', '512Mi', '1Gi', '2Gi'][variant % 5] ?? '1Gi'
  const cpu = ['50m', '100m', '250m', '500m', '1'][variant % 5] ?? '1'
  const limits = variant % 3 === 0 ? { cpu, memory } : { memory }
  const own = variant === 9 ? {} : { requests: { cpu, memory }, limits }
  const sidecar = { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '128Mi' } }
  const containers = [container('app', `registry.example.test/${app}:1.${variant}.0`, own, variable)]
  if (variant % 5 < 2) containers.push(container('proxy', 'registry.example.test/proxy:1.21.4', sidecar, variable))
  return {
    metadata: {
      labels: {
        app,
        'app.kubernetes.io/name': app,
        'app.kubernetes.io/part-of': 'shop',
        team: ['payments', 'search', 'core', 'data'][variant % 4] ?? 'core',
        version: `1.${variant}.0`,
      },
      annotations: {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': '9090',
        'checksum/config': `${app}-0123456789abcdef0123456789abcdef`,
      },
    },
    spec: {
      terminationGracePeriodSeconds: 30,
      containers,
      volumes: [
        { name: 'config', configMap: { name: app } },
        { name: 'tmp', emptyDir: {} },
      ],
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 100,
              podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } },
            },
          ],
        },
      },
    },
  }
}

function container(name: string, image: string, resources: object, variable: string) {
  return {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    ports: [{ name: 'http', containerPort: 8080 }],
    envFrom: [{ configMapRef: { name: PLACEHOLDERS.app } }],
    env: [
      ...Array.from({ length: 12 }, (_, setting) => ({
        name: `${variable}_SETTING_${setting}`,
        value: `value-${setting}`,
      })),
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: `${PLACEHOLDERS.app}-db`, key: 'password' } } },
    ],
    resources,
    readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 10 },
    livenessProbe: { httpGet: { path: '/healthz', port: 'http' }, initialDelaySeconds: 15 },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/app' },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  }
}

interface Container {
  readonly name: string
  readonly image: string
}

/** Returns the status that a kubelet or the scheduler writes. */
export function podStatus(mode: Mode, pod: string, containers: readonly Container[]): object {
  const { started } = PLACEHOLDERS
  if (mode === 'unschedulable')
    return { phase: 'Pending', conditions: [condition('PodScheduled', false, 'Unschedulable')] }
  if (mode === 'evicted')
    return {
      phase: 'Failed',
      reason: 'Evicted',
      message:
        'The node was low on resource: memory. Container app was using 2104432Ki, which exceeds its request of 512Mi.',
      startTime: started,
    }
  const isReady = mode === 'running' || mode === 'killed'
  return {
    phase: mode === 'pulling' ? 'Pending' : 'Running',
    startTime: started,
    hostIP: '10.0.0.1',
    ...(mode === 'pulling' ? {} : { podIP: PLACEHOLDERS.ip, podIPs: [{ ip: PLACEHOLDERS.ip }] }),
    conditions: [
      condition('Initialized', true),
      condition('Ready', isReady, 'ContainersNotReady'),
      condition('ContainersReady', isReady, 'ContainersNotReady'),
      condition('PodScheduled', true),
    ],
    containerStatuses: containers.map((one, index) => containerStatus(one, index === 0 ? mode : 'running', pod)),
  }
}

function condition(type: string, isTrue: boolean, reason?: string): object {
  const why = isTrue || reason === undefined ? {} : { reason, message: `why: ${reason}` }
  return { type, status: isTrue ? 'True' : 'False', lastTransitionTime: PLACEHOLDERS.started, ...why }
}

function containerStatus({ name, image }: Container, mode: Mode, pod: string): object {
  const { started, id } = PLACEHOLDERS
  const containerID = `containerd://${id}${id}`
  const running = {
    name,
    image,
    imageID: `${image.split(':')[0]}@sha256:${id}${id}`,
    containerID,
    ready: true,
    started: true,
    restartCount: 0,
    state: { running: { startedAt: started } },
    lastState: {},
  }
  const ended = (reason: string, exitCode: number) => ({
    terminated: { reason, exitCode, startedAt: started, finishedAt: started, containerID },
  })
  const waiting = (reason: string, message: string) => ({ waiting: { reason, message } })
  if (mode === 'crashing')
    return {
      ...running,
      ready: false,
      started: false,
      restartCount: 12,
      state: waiting('CrashLoopBackOff', `back-off 5m0s restarting failed container=app pod=${pod}`),
      lastState: ended('Error', 1),
    }
  if (mode === 'killed') return { ...running, restartCount: 3, lastState: ended('OOMKilled', 137) }
  if (mode === 'pulling')
    return {
      ...running,
      imageID: '',
      containerID: '',
      ready: false,
      started: false,
      state: waiting('ImagePullBackOff', `Back-off pulling image "${image}"`),
    }
  return running
}
