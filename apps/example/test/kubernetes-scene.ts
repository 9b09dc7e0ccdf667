/** Secrets that are planted where agents look. None may ever leave the cluster. */
export const CANARIES = {
  environment: 'canary-of-the-environment',
  newEnvironment: 'canary-of-the-new-environment',
  secret: 'canary-of-the-secret',
  annotation: 'canary-of-the-annotation',
  probe: 'canary-of-the-probe-header',
  log: 'canary-of-the-log',
  configuration: 'canary-of-the-configuration',
}

const IMAGE = 'busybox:local'

interface ContainerOptions {
  readonly command: string
  readonly memory?: string
}

/** A container that ends at once when it is told to. */
function container({ command, memory }: ContainerOptions): object {
  return {
    name: 'app',
    image: IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', command],
    env: [
      { name: 'API_KEY', value: CANARIES.environment },
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'credentials', key: 'password' } } },
    ],
    ...(memory === undefined ? {} : { resources: { limits: { memory }, requests: { memory } } }),
  }
}

function template(options: ContainerOptions, name: string): object {
  return {
    metadata: { labels: { app: name }, annotations: { 'example.com/note': CANARIES.annotation } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [container(options)],
      volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
    },
  }
}

/** A Deployment of one container. */
export function deployment(name: string, options: ContainerOptions): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: { 'example.com/note': CANARIES.annotation } },
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: template(options, name) },
  }
}

/** A pod of one container. */
export function pod(name: string, options: ContainerOptions, spec: object = {}): object {
  const { metadata, spec: own } = template(options, name) as { metadata: object; spec: object }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { ...own, ...spec } }
}

export const settings = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data: { settings: CANARIES.configuration },
}

export const credentials = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'credentials' },
  stringData: { password: CANARIES.secret },
}

/** Lets no pod into its namespace. */
export const noPods = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'no-pods' },
  spec: { hard: { pods: '0' } },
}

/** Changes as often as it is told to, and runs nothing. */
export const clock = {
  apiVersion: 'batch/v1beta1',
  kind: 'CronJob',
  metadata: { name: 'clock' },
  spec: {
    schedule: '0 0 1 1 *',
    suspend: true,
    jobTemplate: {
      spec: { template: { spec: { restartPolicy: 'Never', containers: [container({ command: 'true' })] } } },
    },
  },
}

/** A node on which nothing runs. */
export function idleNode(name: string): object {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { unschedulable: true } }
}
