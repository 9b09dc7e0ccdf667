import { planDeployment, type RawConfig } from '@rca/core'
import { describe, expect, test } from 'vitest'
import { kubernetes } from '../../test/deploying-connector.ts'

const plan = (config: RawConfig = {}, agentToken = 'k8s-token') =>
  planDeployment(kubernetes, { platformUrl: 'https://api.example.com', agentToken, config })

/** Returns the lines of the command, without indentation and line joins. */
const lines = (config?: RawConfig): string[] =>
  plan(config)
    .command.split('\n')
    .map((line) => line.trim().replace(/ \\$/, ''))

/** Returns the lines that the options add to the command. */
const added = (config: RawConfig): string[] => lines(config).filter((line) => !lines().includes(line))

describe('the helm command', () => {
  test('equals the example of the specification', () => {
    const { command } = plan({ namespace: 'monitoring', release_name: 'incident-rca', replicas: '2' })
    expect(command).toBe(
      [
        'helm repo add incident-rca https://api.example.com/charts --force-update && \\',
        '  helm upgrade --install incident-rca incident-rca/agent \\',
        '  --namespace monitoring --create-namespace --wait \\',
        '  --set-string platformUrl=https://api.example.com \\',
        '  --set-string agentToken=k8s-token \\',
        '  --set-string replicas=2',
      ].join('\n'),
    )
  })

  test('passes every option of the agent as a value in camel case', () => {
    expect(
      added({
        log_level: 'debug',
        collect_interval: '30s',
        namespaces: ['shop', 'bank'],
        watch_secret_names: true,
        crash_log_lines: 50,
      }),
    ).toEqual([
      '--set-string logLevel=debug',
      '--set-string collectInterval=30s',
      String.raw`--set-string 'namespaces=shop\,bank'`,
      '--set-string watchSecretNames=true',
      '--set-string crashLogLines=50',
    ])
  })

  test.each<[RawConfig, string[]]>([
    [{ context: 'my cluster' }, ["--kube-context 'my cluster'"]],
    [{ chart_version: '1.2.3' }, ['--version 1.2.3']],
    [
      { chart_repository: 'https://charts.example.com' },
      ['helm repo add incident-rca https://charts.example.com --force-update &&'],
    ],
    [{ release_name: 'mine' }, ['helm upgrade --install mine incident-rca/agent']],
    [
      { https_proxy: 'http://proxy:3128', no_proxy: 'a,b' },
      ['--set-string httpsProxy=http://proxy:3128', String.raw`--set-string 'noProxy=a\,b'`],
    ],
    [{ namespaces: ['shop', 'shop'] }, ['--set-string namespaces=shop']],
    [{ namespaces: 'shop, bank,shop' }, [String.raw`--set-string 'namespaces=shop\,bank'`]],
    [{ image_pull_secrets: 'one,one' }, ['--set-string imagePullSecrets=one']],
    [{ image_pull_secrets: 'one,two' }, [String.raw`--set-string 'imagePullSecrets=one\,two'`]],
    [{ lease_name: 'mine' }, ['--set-string leaseName=mine']],
  ])('translates %j to %j', (config, expected) => {
    expect(added(config)).toEqual(expected)
  })

  test.each([
    ['agent', ['image.repository=agent']],
    ['registry:5000/agent', ['image.repository=registry:5000/agent']],
    ['registry:5000/agent:1.0', ['image.repository=registry:5000/agent', 'image.tag=1.0']],
    [
      `r/a:1@sha256:${'0'.repeat(64)}`,
      ['image.repository=r/a', 'image.tag=1', `image.digest=sha256:${'0'.repeat(64)}`],
    ],
  ])('splits the image %s into values', (image, values) => {
    expect(added({ image })).toEqual(values.map((value) => `--set-string ${value}`))
  })

  test('checks that the Secret and the ConfigMap exist before it installs', () => {
    const before = lines({ existing_secret: 'mine', ca_config_map: 'ca', context: 'one' }).slice(1, 3)
    expect(before).toEqual([
      expect.stringMatching(
        /^\(kubectl --context one --namespace incident-rca get secret mine .* grep -Fx agent-token/,
      ),
      expect.stringMatching(/^\(kubectl --context one --namespace incident-rca get configmap ca .* grep -Fx ca\.crt/),
    ])
    expect(before.join('\n')).toContain('needs the Secret mine with the key agent-token: create it')
    expect(lines({ ca_config_map: 'ca' })).toContain('--set-string caConfigMap=ca')
  })

  test('omits the token if a Secret holds it', () => {
    const { command, prerequisites } = plan({ existing_secret: 'mine', existing_secret_key: 'key' })
    expect(command).not.toContain('k8s-token')
    expect(command).toContain('--set-string existingSecret=mine')
    expect(command).toContain('--set-string existingSecretKey=key')
    expect(prerequisites.join('\n')).toContain('the Secret `mine` with the agent token under the key `key`')
  })

  test('fetches the chart from the platform, below any path', () => {
    const { command } = planDeployment(kubernetes, {
      platformUrl: 'http://rca.local:8080/base/',
      agentToken: 'k8s-token',
    })
    expect(command).toContain('helm repo add incident-rca http://rca.local:8080/base/charts --force-update')
  })
})

describe('the prerequisites', () => {
  const prerequisites = (config?: RawConfig): string => plan(config).prerequisites.join('\n')

  test('include rights in the cluster, or in the namespaces to which the agent is confined', () => {
    expect(prerequisites()).toContain('`kubectl auth can-i create clusterroles` answers `yes`')
    const confined = prerequisites({ namespace: 'monitoring', namespaces: 'shop,bank' })
    expect(confined).not.toContain('clusterroles')
    expect(confined).toContain(
      'the namespaces `shop` and `bank` exist, and you have all rights in `monitoring`, `shop` and `bank` (`kubectl auth can-i "*" "*" --namespace monitoring` answers `yes`), and may create roles in `kube-system`',
    )
    expect(prerequisites({ namespaces: ['shop', 'shop'] })).toContain(
      'the namespace `shop` exists, and you have all rights in `incident-rca` and `shop`',
    )
    expect(prerequisites({ namespaces: 'incident-rca,kube-system' })).toContain(
      'you have all rights in `incident-rca` and `kube-system` (`kubectl auth can-i "*" "*" --namespace incident-rca` answers `yes`)\n',
    )
  })

  test('include that the machine trusts the certificate authority, to fetch the chart', () => {
    expect(prerequisites()).not.toContain('--ca-file')
    expect(prerequisites({ ca_config_map: 'authority' })).toContain('`--ca-file`')
    expect(prerequisites({ ca_config_map: 'authority', chart_repository: 'https://charts.example.com' })).not.toContain(
      '--ca-file',
    )
  })
})

describe('the notes', () => {
  const notes = (config?: RawConfig): string => plan(config).instructions

  test('name alternatives for a team with rights in only some namespaces', () => {
    expect(notes()).not.toContain('readClusterId')
    expect(notes({ namespaces: 'shop,bank' })).toMatch(
      /Without rights in `kube-system`, append `--set rbac\.readClusterId=false` .* namespace `shop`\./,
    )
    expect(notes({ namespaces: 'shop' })).toContain('remove `--create-namespace` from the command')
    expect(notes({ namespaces: 'shop,kube-system' })).not.toContain('readClusterId')
  })

  test.each<[string | undefined, string | undefined]>([
    [undefined, 'incident-rca/agent:latest'],
    ['registry:5000/agent', 'registry:5000/agent'],
    ['mine:latest', 'mine:latest'],
    ['mine:1.0', undefined],
    [`mine@sha256:${'0'.repeat(64)}`, undefined],
  ])('warn about a tag that may move when the command is run again: %s', (image, kept) => {
    const text = notes(image === undefined ? {} : { image })
    expect(/Nodes that have the image `(.+)` keep using it/.exec(text)?.[1]).toBe(kept)
  })

  test('describe how agents read a changed Secret or ConfigMap', () => {
    expect(notes()).not.toContain('rollout restart')
    expect(
      notes({ namespace: 'monitoring', release_name: 'mine', existing_secret: 'token', ca_config_map: 'authority' }),
    ).toContain(
      'Agents read the Secret `token` and the ConfigMap `authority` at start. After a change, run `kubectl --namespace monitoring rollout restart deployment/mine-agent`.',
    )
  })
})

describe('the uninstall command', () => {
  test('keeps a namespace that the operator named, even the default one', () => {
    for (const namespace of ['monitoring', 'incident-rca']) {
      const { uninstall, instructions } = plan({ namespace })
      expect(uninstall).toBe(
        `kubectl --namespace ${namespace} delete deployment/incident-rca-agent pod/incident-rca-agent-test --cascade=foreground --ignore-not-found && \\\n  helm uninstall incident-rca --namespace ${namespace} --wait`,
      )
      expect(instructions).toContain(`Uninstalling keeps the namespace \`${namespace}\``)
    }
  })

  test('removes the namespace that the command created if it holds no other release', () => {
    const { uninstall, instructions } = plan()
    expect(uninstall).toContain(
      'left="$( helm list --short --namespace incident-rca && kubectl --namespace incident-rca get configmaps,secrets --selector owner=helm --output name )" && \\',
    )
    expect(uninstall).toContain(
      '(test -n "$left" || kubectl delete namespace --field-selector metadata.name=incident-rca --selector name=incident-rca)',
    )
    expect(instructions).toContain('Uninstalling also removes the namespace `incident-rca`')
  })
})

describe('the kubectl alternative', () => {
  test('stores the token in a Secret and the settings in a ConfigMap', () => {
    const { kubectl } = plan({ namespace: 'monitoring', log_level: 'debug' }).alternatives ?? {}
    expect(kubectl?.command).toContain("--filename 'https://api.example.com/manifests/agent.yaml?namespace=monitoring'")
    expect(kubectl?.command).toContain('create secret generic incident-rca-agent --from-literal agent-token=k8s-token')
    expect(kubectl?.command).toContain(
      'create configmap incident-rca-agent --from-literal PLATFORM_API_URL=https://api.example.com --from-literal LOG_LEVEL=debug',
    )
    expect(kubectl?.uninstall).toContain('secret/incident-rca-agent configmap/incident-rca-agent')
  })

  test.each<RawConfig>([
    { namespaces: 'shop' },
    { watch_secret_names: true },
    { replicas: 2 },
    { image: 'mine:1' },
    { existing_secret: 'mine' },
    { key_secret: 'mine' },
    { https_proxy: 'http://proxy' },
    { release_name: 'mine' },
  ])('is not offered with %j, which needs Helm', (config) => {
    expect(plan(config).alternatives).toBeUndefined()
  })
})

describe('an invalid option', () => {
  test.each<[string, RawConfig]>([
    ['namespace', { namespace: 'A b' }],
    ['release_name', { release_name: '--debug' }],
    ['release_name', { release_name: 'a'.repeat(54) }],
    ['replicas', { replicas: 0 }],
    ['replicas', { replicas: 'two' }],
    ['chart_repository', { chart_repository: 'oci://registry/charts' }],
    ['chart_version', { chart_version: 'latest' }],
    ['image', { image: '--privileged' }],
    ['image', { image: 'a b' }],
    ['existing_secret', { existing_secret: 'A' }],
    ['https_proxy', { https_proxy: 'socks://proxy' }],
    ['namespaces', { namespaces: 'a,B' }],
    ['namespacs', { namespacs: 'a' }],
  ])('`%s` is rejected by its name: %j', (option, config) => {
    expect(() => plan(config)).toThrow(`\`${option}`)
  })
})
