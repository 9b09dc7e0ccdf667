import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { kubernetes } from '@rca/connector-kubernetes'
import { configFromEnvironment, environmentName, parseConfig } from '@rca/core'
import { helmProgram, run } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'

const chart = fileURLToPath(new URL('../chart', import.meta.url))
const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

const helm = await helmProgram().then(
  async (program) => run(program, ['version', '--short']).then(() => program),
  () => undefined,
)

/** A rendered object: the fields that the tests read. */
interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly rules?: readonly Rule[]
  readonly subjects?: readonly unknown[]
  readonly roleRef?: unknown
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: Readonly<Record<string, unknown>>
}

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

interface Variable {
  readonly name: string
  readonly value?: string
}

interface Container {
  readonly image: string
  readonly env: readonly Variable[]
  readonly envFrom?: unknown
  readonly args?: readonly string[]
  readonly securityContext: unknown
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
  readonly livenessProbe?: unknown
  readonly readinessProbe?: unknown
  readonly startupProbe?: unknown
}

interface Pod {
  readonly containers: readonly [Container]
  readonly securityContext: unknown
  readonly affinity?: unknown
  readonly imagePullSecrets?: unknown
  readonly volumes: readonly { readonly name: string }[]
  readonly [key: string]: unknown
}

const REQUIRED = ['platformUrl=https://api.example.com', 'agentToken=k8s-token']

interface RenderOptions {
  /** Values for `--set-string`, as in the platform's command. */
  readonly strings?: readonly string[]
  /** Values for `--set`. */
  readonly values?: readonly string[]
  /** API versions that the cluster has in addition. */
  readonly apis?: readonly string[]
  readonly words?: readonly string[]
  readonly required?: readonly string[]
}

async function template({
  strings = [],
  values = [],
  apis = [],
  words = [],
  required = REQUIRED,
}: RenderOptions = {}): Promise<string> {
  const flags = [
    ...[...required, ...strings].flatMap((value) => ['--set-string', value]),
    ...values.flatMap((value) => ['--set', value]),
    ...apis.flatMap((api) => ['--api-versions', api]),
    ...words,
  ]
  return run(helm ?? 'helm', ['template', 'incident-rca', chart, '--namespace', 'monitoring', ...flags])
}

/** Renders the chart. Returns its objects by kind and name. */
async function render(options?: RenderOptions): Promise<Map<string, Manifest>> {
  const documents = parseAllDocuments(await template(options))
  for (const { errors } of documents) expect(errors).toEqual([])
  const manifests = documents.map((document) => document.toJS() as Manifest)
  for (const { apiVersion, kind, metadata } of manifests) {
    expect(apiVersion, kind).toMatch(/^[a-z0-9./]+$/)
    expect(metadata.name, kind).toMatch(/^[a-z0-9-]+$/)
    expect(metadata.labels, kind).toMatchObject({
      'app.kubernetes.io/instance': 'incident-rca',
      'app.kubernetes.io/managed-by': 'Helm',
      'app.kubernetes.io/part-of': 'incident-rca',
      'helm.sh/chart': expect.stringMatching(/^agent-\d/),
    })
    if (!kind.startsWith('ClusterRole')) expect(metadata.namespace, kind).toBeDefined()
  }
  const keys = manifests.map(({ kind, metadata }) => `${kind}/${metadata.namespace ?? ''}/${metadata.name}`)
  expect(new Set(keys).size).toBe(keys.length)
  return new Map(manifests.map((manifest, index) => [keys[index]?.replace('/monitoring/', '/') ?? '', manifest]))
}

async function podOf(options?: RenderOptions): Promise<Pod> {
  return podIn(await render(options))
}

function podIn(manifests: ReadonlyMap<string, Manifest>): Pod {
  const spec = manifests.get('Deployment/incident-rca-agent')?.spec as { readonly template: { readonly spec: Pod } }
  return spec.template.spec
}

function variablesOf({ containers: [{ env }] }: Pod): Record<string, string> {
  return Object.fromEntries(
    env.filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value as string]),
  )
}

async function refusal(options: RenderOptions): Promise<string> {
  return template(options).then(
    () => 'accepted',
    (error: Error) => error.message,
  )
}

const NAME_LABEL = 'app.kubernetes.io/name'

const NAMES = [
  'ClusterRole//monitoring-incident-rca-agent',
  'ClusterRoleBinding//monitoring-incident-rca-agent',
  'Deployment/incident-rca-agent',
  'Lease/incident-rca-agent',
  'Pod/incident-rca-agent-test',
  'Role/incident-rca-agent-lease',
  'RoleBinding/incident-rca-agent-lease',
  'Secret/incident-rca-agent',
  'ServiceAccount/incident-rca-agent',
]

realDescribe('the chart', helm === undefined ? { missing: 'helm' } : {}, () => {
  test('passes lint, with and without values', async () => {
    for (const words of [[], REQUIRED.flatMap((value) => ['--set-string', value])])
      expect(await run(helm ?? 'helm', ['lint', '--strict', chart, ...words])).toContain('0 chart(s) failed')
  })

  test('has the version of the agent, and a schema for every value', () => {
    const { appVersion } = parse(read('chart/Chart.yaml')) as { appVersion: string }
    expect(appVersion).toBe((JSON.parse(read('package.json')) as { version: string }).version)
    const { properties } = JSON.parse(read('chart/values.schema.json')) as { properties: Record<string, unknown> }
    const values = Object.keys(parse(read('chart/values.yaml')) as Record<string, unknown>)
    expect(Object.keys(properties).sort()).toEqual([...values, 'global'].sort())
  })

  test('renders the objects that an agent needs, and no others', async () => {
    expect([...(await render()).keys()].sort()).toEqual(NAMES)
  })

  test('renders replicas and options of the specification’s command', async () => {
    const manifests = await render({ values: ['replicas=2'], strings: ['logLevel=debug'] })
    expect([...manifests.keys()].sort()).toEqual([...NAMES, 'PodDisruptionBudget/incident-rca-agent'].sort())
    expect(manifests.get('Deployment/incident-rca-agent')?.spec?.replicas).toBe(2)
    expect(variablesOf(podIn(manifests))).toEqual({
      PLATFORM_API_URL: 'https://api.example.com',
      AGENT_TOKEN_FILE: '/etc/rca-agent/token/agent-token',
      AGENT_TYPE: 'kubernetes',
      LEASE_NAME: 'incident-rca-agent',
      LOG_LEVEL: 'debug',
      RCA_HEALTH_SOCKET: '/tmp/rca-agent.sock',
      RCA_STATE_DIR: '/var/lib/rca-agent',
      WATCH_SECRET_NAMES: 'false',
    })
  })

  describe('the pod', () => {
    test('satisfies the restricted profile, and so does the pod of `helm test`', async () => {
      const manifests = await render()
      const { metadata, spec } = manifests.get('Pod/incident-rca-agent-test') as Manifest
      const testPod = spec as unknown as Pod
      // Helm keeps the pod for its log, even after success.
      expect(metadata.annotations).toEqual({
        'helm.sh/hook': 'test',
        'helm.sh/hook-delete-policy': 'before-hook-creation',
      })
      for (const pod of [podIn(manifests), testPod]) {
        expect(pod.securityContext).toMatchObject({
          runAsNonRoot: true,
          runAsUser: 10001,
          seccompProfile: { type: 'RuntimeDefault' },
        })
        expect(pod.containers[0].securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(Object.keys(pod).filter((key) => key.startsWith('host'))).toEqual([])
        expect(pod.volumes.map(({ name }) => name)).toEqual(['tmp', 'state', 'token'])
        expect(pod.volumes.filter((volume) => 'hostPath' in volume)).toEqual([])
      }
      expect(testPod.containers[0].args).toEqual(['doctor'])
    })

    test('is probed with the health check of the image', async () => {
      const [, flags = '[]'] = /HEALTHCHECK[^[]*CMD (\[.*\])/.exec(read('Dockerfile')) ?? []
      const [{ startupProbe, readinessProbe, livenessProbe }] = (await podOf()).containers
      for (const probe of [startupProbe, readinessProbe, livenessProbe])
        expect(probe).toMatchObject({ exec: { command: JSON.parse(flags) as string[] }, timeoutSeconds: 10 })
    })

    test('mounts the token from the chart’s Secret or an existing one', async () => {
      const manifests = await render()
      expect(manifests.get('Secret/incident-rca-agent')?.data).toEqual({
        'agent-token': Buffer.from('k8s-token').toString('base64'),
      })
      const tokenOf = (pod: Pod) => pod.volumes.find(({ name }) => name === 'token')
      expect(tokenOf(podIn(manifests))).toMatchObject({
        secret: { secretName: 'incident-rca-agent', defaultMode: 0o440, items: [{ key: 'agent-token' }] },
      })
      expect(podIn(manifests).containers[0].volumeMounts).toContainEqual({
        name: 'token',
        mountPath: '/etc/rca-agent/token',
        readOnly: true,
      })
      const required = ['platformUrl=https://api.example.com', 'existingSecret=mine', 'existingSecretKey=t']
      const other = await render({ required })
      expect([...other.keys()]).not.toContain('Secret/incident-rca-agent')
      expect(tokenOf(podIn(other))).toMatchObject({ secret: { secretName: 'mine', items: [{ key: 't' }] } })
      expect(await template()).not.toContain('k8s-token')
    })

    test('restarts when the token changes', async () => {
      const annotations = async (token: string) => {
        const manifests = await render({ strings: [`agentToken=${token}`] })
        const spec = manifests.get('Deployment/incident-rca-agent')?.spec as { template: Manifest }
        return spec.template.metadata.annotations
      }
      expect(await annotations('a')).toEqual(await annotations('a'))
      expect(await annotations('a')).not.toEqual(await annotations('b'))
    })

    test('runs the configured image, by digest when one is set', async () => {
      const imageOf = async (...strings: string[]) => (await podOf({ strings })).containers[0].image
      expect(await imageOf()).toBe('incident-rca/agent:latest')
      expect(await imageOf('image.repository=localhost:5000/agent', 'image.tag=1.0')).toBe('localhost:5000/agent:1.0')
      const digest = `sha256:${'0'.repeat(64)}`
      expect(await imageOf('image.repository=r/agent', `image.digest=${digest}`)).toBe(`r/agent@${digest}`)
      const listed = await podOf({ values: ['imagePullSecrets[0].name=one', 'imagePullSecrets[1]=two'] })
      const separated = await podOf({ strings: [String.raw`imagePullSecrets=one\,two`] })
      for (const pod of [listed, separated]) expect(pod.imagePullSecrets).toEqual([{ name: 'one' }, { name: 'two' }])
    })

    test('is scheduled by selector, tolerations, affinity and priority', async () => {
      const values = ['nodeSelector.disk=ssd', 'tolerations[0].operator=Exists', 'priorityClassName=high']
      values.push('affinity.nodeAffinity.a=b', 'replicas=3', 'podLabels.team=x', 'resources.limits.cpu=1')
      expect(await podOf({ values })).toMatchObject({
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ operator: 'Exists' }],
        priorityClassName: 'high',
        affinity: { nodeAffinity: { a: 'b' } },
      })
      expect((await podOf()).affinity).toBeUndefined()
      expect((await podOf({ values: ['replicas=2'] })).affinity).toMatchObject({ podAntiAffinity: {} })
    })
  })

  test.each([1, 53, 58, 59, 62, 63])('keeps labels short with a `nameOverride` of %i characters', async (length) => {
    // A name that ends in `-` where it is cut.
    const name = `${'n'.repeat(Math.min(length, 57))}${'-'.repeat(Math.max(0, length - 58))}${length > 57 ? 'n' : ''}`
    const manifests = await render({ strings: [`nameOverride=${name}`] })
    for (const { metadata } of manifests.values())
      for (const value of Object.values(metadata.labels)) expect(value).toMatch(/^[\w]([\w.-]{0,61}[\w])?$/)
    const [test, ...others] = [...manifests.values()].toSorted(
      (one, other) => Number(other.kind === 'Pod') - Number(one.kind === 'Pod'),
    )
    expect(test?.kind).toBe('Pod')
    for (const { metadata } of others) expect(metadata.labels[NAME_LABEL]).not.toBe(test?.metadata.labels[NAME_LABEL])
  })

  describe('options', () => {
    test('become environment variables, including options that the chart does not know', async () => {
      const strings = ['collectInterval=30s', 'maxBatchSize=5', 'retryCount=0', String.raw`objectLabels=app\,team/*`]
      strings.push('config.brokerUrl=http://broker', 'config.poll_every=5s')
      const values = ['config.bytes=1000000000', 'config.ratio=0.5', 'config.names={a,b}', 'config.on=true']
      expect(variablesOf(await podOf({ strings, values }))).toMatchObject({
        COLLECT_INTERVAL: '30s',
        MAX_BATCH_SIZE: '5',
        RETRY_COUNT: '0',
        OBJECT_LABELS: 'app,team/*',
        BROKER_URL: 'http://broker',
        POLL_EVERY: '5s',
        BYTES: '1000000000',
        RATIO: '0.5',
        NAMES: 'a,b',
        ON: 'true',
      })
    })

    test('are passed on unchanged: Kubernetes replaces no `$(NAME)` in them', async () => {
      const hostile = '$(HOME) $$ ${x} "q" \'a\': {{ .Values }} # ü'
      const { WEIRD } = variablesOf(await podOf({ strings: [`config.weird=${hostile}`] }))
      expect(WEIRD?.replaceAll('$$', '$')).toBe(hostile)
      expect(WEIRD?.replaceAll('$$', '')).not.toContain('$')
    })

    test('cannot replace variables that the chart sets', async () => {
      const own = ['agentToken', 'AGENT_TOKEN', 'platform_api_url', 'rcaStateDir']
      const network = ['httpsProxy', 'http_proxy', 'noProxy', 'nodeUseEnvProxy', 'nodeExtraCaCerts']
      for (const name of [...own, ...network])
        expect(await refusal({ strings: [`config.${name}=x`] })).toContain(`\`config.${name}\` cannot be set`)
    })

    test('are packages in `connectors`, which an init container adds for the agent to read', async () => {
      const own = ['connectors={@acme/rca-queues@1.2.0,rca-$(x)}', 'extraEnv[0].name=npm_config_registry']
      const pod = await podOf({
        values: [...own, 'extraEnv[0].value=http://registry', 'caConfigMap=mine', 'httpsProxy=http://p'],
      })
      const [added] = pod.initContainers as readonly [Container & { args: string[]; volumeMounts: { name: string }[] }]
      const [agent] = pod.containers
      expect(added.args).toEqual(['add', '@acme/rca-queues@1.2.0', 'rca-$$(x)'])
      expect(added.image).toBe(agent.image)
      expect(variablesOf({ ...pod, containers: [added] })).toMatchObject({
        RCA_CONNECTORS: '/opt/rca-connectors',
        HTTPS_PROXY: 'http://p',
        NODE_EXTRA_CA_CERTS: '/etc/rca-agent/ca/ca.crt',
        npm_config_registry: 'http://registry',
      })
      // The token stays with the agent.
      expect(added.volumeMounts.map(({ name }) => name)).toEqual(['tmp', 'connectors', 'ca'])
      expect(variablesOf(pod).RCA_CONNECTORS).toBe('/opt/rca-connectors')
      expect(pod.volumes.map(({ name }) => name)).toContain('connectors')
      const without = await podOf()
      expect(without).not.toHaveProperty('initContainers')
      expect(variablesOf(without)).not.toHaveProperty('RCA_CONNECTORS')
    })

    test('and further variables may be numbers and booleans, which `--set` makes of their text', async () => {
      const values = [
        'extraEnv[0].name=A',
        'extraEnv[0].value=4475970',
        'extraEnv[1].name=B',
        'extraEnv[1].value=false',
      ]
      values.push('extraEnv[2].name=C', 'extraEnv[2].valueFrom.fieldRef.fieldPath=spec.nodeName')
      values.push('tolerations[0].key=a', 'tolerations[0].value=1', 'tolerations[0].tolerationSeconds=30')
      const pod = await podOf({ values })
      expect(pod.containers[0].env.filter(({ name }) => /^[A-C]$/.test(name))).toEqual([
        { name: 'A', value: '4475970' },
        { name: 'B', value: 'false' },
        { name: 'C', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ])
      expect(pod.tolerations).toEqual([{ key: 'a', value: '1', tolerationSeconds: 30 }])
    })

    test.each([
      'extraEnv[0].value.b=c',
      'extraEnv[0].name=5',
      'podLabels.team=7',
      'podAnnotations.build=4475970',
      'nodeSelector.gpu=true',
      'serviceAccount.annotations.id=12',
    ])('that must be text are rejected by the schema: %s', async (value) => {
      const [path = ''] = value.replace('[0]', '.0').split('=')
      const place = path.replace(/\.b$/, '')
      expect(await refusal({ values: ['extraEnv[0].name=A', value] })).toContain(`- ${place}: Invalid type.`)
    })

    test('may come from a ConfigMap, including the platform’s address', async () => {
      const required = ['agentToken=t', 'existingConfigMap=mine']
      const { containers } = await podOf({ required, values: ['extraEnv[0].name=A', 'extraEnv[0].value=b'] })
      expect(containers[0].envFrom).toEqual([{ configMapRef: { name: 'mine' } }])
      expect(containers[0].env).toContainEqual({ name: 'A', value: 'b' })
      expect(containers[0].env.map(({ name }) => name)).not.toContain('PLATFORM_API_URL')
    })
  })

  describe('the network', () => {
    test('uses the proxy for the platform, and not for the API server', async () => {
      const strings = ['httpsProxy=http://proxy:3128', String.raw`noProxy=a.example.com\,$(b)`]
      expect(variablesOf(await podOf({ strings }))).toMatchObject({
        HTTPS_PROXY: 'http://proxy:3128',
        HTTP_PROXY: 'http://proxy:3128',
        NODE_USE_ENV_PROXY: '1',
        NO_PROXY: '$(KUBERNETES_SERVICE_HOST),kubernetes.default.svc,localhost,127.0.0.1,a.example.com,$$(b)',
      })
    })

    test('trusts a certificate authority from text or from a ConfigMap', async () => {
      const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
      const text = await render({ strings: [`ca=${pem}`] })
      expect(text.get('ConfigMap/incident-rca-agent-ca')?.data).toEqual({ 'ca.crt': pem })
      const named = await render({ strings: ['caConfigMap=mine'] })
      expect([...named.keys()].filter((key) => key.startsWith('ConfigMap'))).toEqual([])
      for (const [manifests, name] of [
        [text, 'incident-rca-agent-ca'],
        [named, 'mine'],
      ] as const) {
        const pod = podIn(manifests)
        expect(pod.volumes).toContainEqual(expect.objectContaining({ configMap: expect.objectContaining({ name }) }))
        expect(variablesOf(pod).NODE_EXTRA_CA_CERTS).toBe('/etc/rca-agent/ca/ca.crt')
      }
    })

    test.each([
      [['platformUrl=https://api.example.com'], [443, 6443]],
      [['platformUrl=http://api.example.com'], [443, 6443, 80]],
      [['platformUrl=http://[::1]:8080/rca'], [443, 6443, 8080]],
      [
        ['platformUrl=https://api.example.com', 'httpsProxy=http://proxy:3128'],
        [443, 6443, 3128],
      ],
    ])('allows egress for %j to the ports %j', async (strings, ports) => {
      const policy = (await render({ strings, values: ['networkPolicy.enabled=true'] })).get(
        'NetworkPolicy/incident-rca-agent',
      )
      expect(policy?.spec).toMatchObject({
        policyTypes: ['Ingress', 'Egress'],
        ingress: [],
        egress: [
          {
            ports: [
              { protocol: 'UDP', port: 53 },
              { protocol: 'TCP', port: 53 },
              ...ports.map((port) => ({ protocol: 'TCP', port })),
            ],
          },
        ],
      })
    })
  })

  describe('permissions', () => {
    const rulesOf = (manifests: ReadonlyMap<string, Manifest>): readonly Rule[] =>
      [...manifests.values()].flatMap(({ rules = [] }) => rules)

    test('allow reading, and writing only the Lease by its name', async () => {
      const manifests = await render()
      const rules = rulesOf(manifests)
      const writing = rules.filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)))
      expect(writing).toEqual([
        {
          apiGroups: ['coordination.k8s.io'],
          resources: ['leases'],
          resourceNames: ['incident-rca-agent'],
          verbs: ['get', 'update'],
        },
      ])
      expect(rules.flatMap(({ resources, apiGroups, verbs }) => [...resources, ...apiGroups, ...verbs])).not.toContain(
        '*',
      )
      const resources = rules.flatMap((rule) => rule.resources)
      expect(resources).not.toContain('secrets')
      expect(resources).toEqual(expect.arrayContaining(['nodes/proxy', 'pods/log', 'resourcequotas', 'limitranges']))
    })

    test('allow writing one Secret by its name on request, which the chart creates without data', async () => {
      const manifests = await render({ strings: ['keySecret=agent-key'] })
      const added = ['Role/incident-rca-agent-key', 'RoleBinding/incident-rca-agent-key', 'Secret/agent-key']
      expect([...manifests.keys()].sort()).toEqual([...NAMES, ...added].sort())
      expect(manifests.get('Role/incident-rca-agent-key')?.rules).toEqual([
        { apiGroups: [''], resources: ['secrets'], resourceNames: ['agent-key'], verbs: ['get', 'update'] },
      ])
      expect(manifests.get('Secret/agent-key')).not.toHaveProperty('data')
      expect(variablesOf(podIn(manifests)).KEY_SECRET).toBe('agent-key')
      const withoutRoles = await render({ strings: ['keySecret=agent-key'], values: ['rbac.create=false'] })
      expect([...withoutRoles.keys()].filter((key) => key.startsWith('Role'))).toEqual([])
    })

    test.each(['strings', 'values'] as const)('include Secrets on request, with the value in `%s`', async (flag) => {
      const rules = rulesOf(await render({ [flag]: ['watchSecretNames=true'] }))
      expect(rules.find(({ resources }) => resources.includes('secrets'))?.verbs).toEqual(['list', 'watch'])
    })

    test('and image pull secrets are rendered once if they are listed twice', async () => {
      const values = ['namespaces={shop,shop,bank}', 'imagePullSecrets={one,one}']
      const strings = [String.raw`namespaces=shop\, shop\,bank`, String.raw`imagePullSecrets=one\,one`]
      for (const manifests of [await render({ values }), await render({ strings })]) {
        expect([...manifests.keys()].filter((key) => /^Role\/(?:shop|bank)/.test(key))).toHaveLength(2)
        expect(podIn(manifests).imagePullSecrets).toEqual([{ name: 'one' }])
      }
    })

    test('exclude kubelets on request', async () => {
      const rules = rulesOf(await render({ values: ['rbac.kubeletSummaries=false'] }))
      expect(rules.flatMap(({ resources }) => resources)).not.toContain('nodes/proxy')
    })

    test('are confined to namespaces from a list or from text', async () => {
      const listed = await render({ values: ['namespaces={shop,bank}'] })
      const separated = await render({ strings: [String.raw`namespaces=shop\, bank`] })
      for (const manifests of [listed, separated]) {
        const keys = [...manifests.keys()]
        expect(keys.filter((key) => key.startsWith('ClusterRole'))).toEqual([])
        expect(keys.filter((key) => /^Role(?:Binding)?\//.test(key)).sort()).toEqual(
          ['Role', 'RoleBinding'].flatMap((kind) => [
            `${kind}/bank/monitoring-incident-rca-agent`,
            `${kind}/incident-rca-agent-lease`,
            `${kind}/kube-system/monitoring-incident-rca-agent-cluster-id`,
            `${kind}/shop/monitoring-incident-rca-agent`,
          ]),
        )
        const resources = rulesOf(manifests).flatMap((rule) => (rule.resourceNames === undefined ? rule.resources : []))
        for (const clusterWide of ['nodes', 'nodes/proxy', 'namespaces']) expect(resources).not.toContain(clusterWide)
        expect(manifests.get('RoleBinding/shop/monitoring-incident-rca-agent')?.subjects).toEqual([
          { kind: 'ServiceAccount', name: 'incident-rca-agent', namespace: 'monitoring' },
        ])
        expect(variablesOf(podIn(manifests)).NAMESPACES).toBe(manifests === listed ? 'shop,bank' : 'shop, bank')
      }
    })

    test('may be created elsewhere, or extended', async () => {
      const without = await render({ values: ['rbac.create=false', 'serviceAccount.create=false'] })
      expect([...without.keys()].filter((key) => /^(?:Cluster)?Role|^ServiceAccount/.test(key))).toEqual([])
      expect(podIn(without).serviceAccountName).toBe('default')
      const values = ['agentType=acme/queues', 'rbac.extraRules[0].verbs={get}', 'rbac.extraRules[0].resources={x}']
      const other = await render({ values: [...values, 'rbac.extraRules[0].apiGroups={acme.io}'] })
      expect(other.get('ClusterRole//monitoring-incident-rca-agent')?.rules).toEqual([
        { apiGroups: ['acme.io'], resources: ['x'], verbs: ['get'] },
      ])
    })
  })

  test('renders a disruption budget in the API version that the cluster has', async () => {
    const versionWith = async (...apis: string[]) => {
      const budget = (await render({ values: ['replicas=2'], apis })).get('PodDisruptionBudget/incident-rca-agent')
      expect(budget?.spec).toMatchObject({ maxUnavailable: 1 })
      return budget?.apiVersion
    }
    expect(await versionWith('policy/v1')).toBe('policy/v1')
    const disabled = await render({ values: ['replicas=2', 'podDisruptionBudget.enabled=false'] })
    expect([...disabled.keys()]).not.toContain('PodDisruptionBudget/incident-rca-agent')
  })

  test('supports Kubernetes 1.20 and newer', async () => {
    await render({ words: ['--kube-version', '1.20.0'] })
    await render({ words: ['--kube-version', 'v1.34.1-gke.100'] })
    expect(await refusal({ words: ['--kube-version', '1.19.16'] })).toContain('>=1.20.0-0')
  })
})

realDescribe('the chart refuses', helm === undefined ? { missing: 'helm' } : {}, () => {
  test.each([
    ['replicas=0', 'replicas'],
    ['replicas=two', 'replicas'],
    ['logLevel=verbose', 'logLevel must be one of the following: "", "debug", "info", "warn", "error"'],
    ['agentTokn=x', 'Additional property agentTokn is not allowed'],
    ['image.name=x', 'image: Additional property name is not allowed'],
    ['image.pullPolicy=Sometimes', 'image.pullPolicy must be one of the following: "Always", "IfNotPresent", "Never"'],
    ['image.digest=latest', 'image.digest'],
    ['platformUrl=ftp://x', 'platformUrl: Does not match pattern'],
    ['collectInterval=15', 'collectInterval: Does not match pattern'],
    ['watchSecretNames=yes', 'watchSecretNames must be one of the following'],
    ['collectInterval=0s', 'collectInterval: Does not match pattern'],
    ['collectInterval=99d', 'collectInterval: Does not match pattern'],
    ['heartbeatInterval=86401s', 'heartbeatInterval: Does not match pattern'],
    ['maxBatchSize=5000', 'maxBatchSize: Does not match pattern'],
    ['maxQueueSize=9999', 'maxQueueSize: Does not match pattern'],
    ['namespaces=A_b', 'namespaces: Does not match pattern'],
    ['namespaces=a.b', 'namespaces: Does not match pattern'],
    [String.raw`namespaces=a\,`, 'namespaces: Does not match pattern'],
    ['leaseName=a..b', 'leaseName: Does not match pattern'],
    ['imagePullSecrets=a-', 'imagePullSecrets: Does not match pattern'],
    [String.raw`objectLabels=app\,\,team`, 'objectLabels: Does not match pattern'],
    ['existingSecret=A_b', 'existingSecret: Does not match pattern'],
    ['rbac.create=maybe', 'rbac.create: Invalid type. Expected: boolean, given: string'],
    ['ca=/etc/ssl/ca.pem', 'ca: Does not match pattern'],
  ])('%s, naming the value', async (value, message) => {
    expect(await refusal({ strings: [value] })).toContain(message)
  })

  test.each([
    [['agentToken=t'], '`platformUrl` is not set'],
    [['platformUrl=https://a'], '`agentToken` is not set'],
    [[...REQUIRED, 'existingSecret=s'], '`agentToken` and `existingSecret` are both set'],
    [[...REQUIRED, 'ca=-----BEGIN CERTIFICATE-----', 'caConfigMap=c'], '`ca` and `caConfigMap` are both set'],
    [[...REQUIRED, 'keySecret=incident-rca-agent'], '`keySecret` is `incident-rca-agent`, the Secret of the token'],
  ])('missing and contradicting values: %j', async (required, message) => {
    expect(await refusal({ required })).toContain(message)
  })

  test('a network policy when the platform’s port is only in a ConfigMap', async () => {
    const required = ['agentToken=t', 'existingConfigMap=mine']
    const values = ['networkPolicy.enabled=true']
    expect(await refusal({ required, values })).toContain('Set `platformUrl` too')
    for (const known of ['platformUrl=https://a:8443', 'httpsProxy=http://proxy:3128'])
      expect(await refusal({ required: [...required, known], values })).toBe('accepted')
    const more = [...values, 'networkPolicy.extraEgress[0].ports[0].port=8443']
    expect(await refusal({ required, values: more })).toBe('accepted')
  })
})

/** Values around the limits of each option, as text. */
const valuesAroundLimits: Readonly<Record<string, readonly string[]>> = {
  collectInterval: ['ms', 's', 'm', 'h', 'd'].flatMap((unit, place) => {
    const most = [86_400_000, 86_400, 1440, 24, 1][place] ?? 0
    const numbers = new Set([0, 1, 9, 10, 99, 100, 999, most - 1, most, most + 1, most * 2, most * 10])
    for (let power = 1; power <= most * 10; power *= 10)
      for (const digit of [1, 2, 7, 8, 9]) numbers.add(digit * power).add(digit * power - 1)
    return [...numbers, `00${most}`, `00${most + 1}`, '00'].map((number) => `${number}${unit}`)
  }),
  maxBatchSize: near(0, 10, 100, 1000),
  maxQueueSize: near(0, 10, 100, 1000, 2000, 3999, 4089, 4096),
  retryCount: near(0, 10, 20),
  crashLogLines: near(0, 10, 100, 1000),
  namespaces: ['a', 'a,b', ' a , b ', 'a.b', 'a,', ',a', 'a,,b', 'A', 'a-', 'a'.repeat(63), 'a'.repeat(64)],
  objectLabels: ['app', 'app, team/*', 'app,,b', 'app,', 'a b'],
  leaseName: ['a', 'a.b', 'a..b', 'a.', 'a-.b', 'a'.repeat(253), 'a'.repeat(254)],
  keySecret: ['a', 'a.b', 'a..b', 'a.', 'a-.b', 'a'.repeat(253), 'a'.repeat(254)],
  clusterName: ['a', 'a'.repeat(200), 'a'.repeat(201)],
}

function near(...limits: readonly number[]): string[] {
  const numbers = limits.flatMap((limit) => [limit - 1, limit, limit + 1, limit * 2, limit * 10])
  return [...new Set(numbers)].filter((number) => number >= 0).map(String)
}

test.each(Object.entries(valuesAroundLimits))(
  'the schema of %s accepts the same values as the agent',
  (name, texts) => {
    const { properties } = JSON.parse(read('chart/values.schema.json')) as {
      properties: Record<string, { readonly pattern?: string; readonly maxLength?: number }>
    }
    const { pattern = '', maxLength = Number.POSITIVE_INFINITY } = properties[name] ?? {}
    const isAccepted = (text: string): boolean => new RegExp(pattern).test(text) && text.length <= maxLength
    const isAcceptedByAgent = (text: string): boolean => {
      try {
        const variables = { [environmentName(name.replaceAll(/[A-Z]/g, '_$&').toLowerCase())]: text }
        parseConfig(kubernetes, configFromEnvironment(kubernetes, variables))
        return true
      } catch {
        return false
      }
    }
    expect(texts.filter((text) => isAccepted(text) !== isAcceptedByAgent(text))).toEqual([])
  },
)

realDescribe('the generated files', helm === undefined ? { missing: 'helm' } : {}, () => {
  test('are current', async () => {
    for (const name of ['generate-chart', 'generate-manifests']) {
      const script = fileURLToPath(new URL(`../../../scripts/${name}.ts`, import.meta.url))
      await run(process.execPath, ['--conditions=@rca/source', script, '--check'])
    }
  })
})
