import { BUSYBOX_IMAGE } from '@rca/rig'

/** Secrets in places that agents read. None of them may leave the cluster. */
export const CANARIES = {
  environment: 'canary-of-the-environment',
  newEnvironment: 'canary-of-the-new-environment',
  secret: 'canary-of-the-secret',
  annotation: 'canary-of-the-annotation',
  probe: 'canary-of-the-probe-header',
  newProbe: 'canary-of-the-new-probe-header',
  log: 'canary-of-the-log',
  configuration: 'canary-of-the-configuration',
}

/**
 * A value of a Secret that a program logs without any hint that it is secret. The agent may not read Secrets, so it
 * cannot recognise the value: it leaves the cluster in the log of a crash, and only there.
 */
export const UNKNOWABLE = 'blue-horse-of-the-secret'

/** Commands of a program that logs its secrets: first the id of the run, last a text that looks like no secret. */
export const CHATTER = [
  'echo "run $(cat /proc/sys/kernel/random/uuid)"',
  `echo "password=${CANARIES.log}"`,
  'echo "$API_KEY is refused" >&2',
  'echo "cannot reach postgres://shop:$PASSWORD@db:5432/shop"',
  'echo "cannot log in: password: $PASSWORD"',
  'echo "the code word was $CODE_WORD"',
].join('; ')

/** Commands of a server whose page answers probes. */
export const SERVE = 'echo well > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'

interface ContainerOptions {
  readonly command: string
  readonly memory?: string
  /** Value of a header of the readiness probe. @default no probe */
  readonly probe?: string
}

function container({ command, memory, probe }: ContainerOptions): object {
  return {
    name: 'app',
    image: BUSYBOX_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', command],
    env: [
      { name: 'API_KEY', value: CANARIES.environment },
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'credentials', key: 'password' } } },
      { name: 'CODE_WORD', valueFrom: { secretKeyRef: { name: 'credentials', key: 'code-word' } } },
    ],
    ...(memory === undefined ? {} : { resources: { limits: { memory }, requests: { memory } } }),
    ...(probe === undefined ? {} : { readinessProbe: readinessProbe(probe) }),
  }
}

/** Makes a probe that requests the page of {@link SERVE}. */
export function readinessProbe(secret: string): object {
  return { httpGet: { port: 8080, httpHeaders: [{ name: 'X-Probe-Key', value: secret }] }, periodSeconds: 1 }
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

/** Makes a Deployment of one container. */
export function deployment(name: string, options: ContainerOptions): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: { 'example.com/note': CANARIES.annotation } },
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: template(options, name) },
  }
}

/** Makes a pod of one container. */
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
  stringData: { password: CANARIES.secret, 'code-word': UNKNOWABLE },
}

/** A quota that admits no pod. */
export const noPods = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'no-pods' },
  spec: { hard: { pods: '0' } },
}

/** A suspended CronJob, which a test can change often. */
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

/** Makes a node on which nothing runs. */
export function idleNode(name: string): object {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { unschedulable: true } }
}
