import { planDeployment, type RawConfig } from '@rca/core'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { docker } from '../connector.ts'

const plan = (config: RawConfig = {}, agentToken = 'docker-token') =>
  planDeployment(docker, { platformUrl: 'https://api.example.com', agentToken, config })

/** Returns the lines of the command, without indentation and line joins. */
const lines = (config?: RawConfig): string[] =>
  plan(config)
    .command.split('\n')
    .map((line) => line.trim().replace(/ \\$/, ''))

/** Returns the lines that the options add to the command. */
const added = (config: RawConfig): string[] => lines(config).filter((line) => !lines().includes(line))

/** Returns the lines that the options remove from the command. */
const removed = (config: RawConfig): string[] => lines().filter((line) => !lines(config).includes(line))

interface ComposeFile {
  readonly services: { readonly agent: Readonly<Record<string, unknown>> }
  readonly volumes: Readonly<Record<string, unknown>>
  readonly networks?: Readonly<Record<string, unknown>>
}

/** Returns the file that the command passes to compose. */
function composeFile(config?: RawConfig): ComposeFile {
  const command = plan(config).alternatives?.compose?.command ?? ''
  const quoted = /^printf %s '([\s\S]*)' \| \\$/m.exec(command)?.[1] ?? ''
  return parse(quoted.replaceAll(`'\\''`, "'")) as ComposeFile
}

afterEach(() => void vi.unstubAllEnvs())

describe('docker run', () => {
  test('starts like the example of the specification and ends with the image', () => {
    const { command } = plan({ log_level: 'debug' })
    const begin = [
      'docker run -d --name incident-rca-agent \\',
      '  -e PLATFORM_API_URL=https://api.example.com \\',
      '  -e AGENT_TOKEN=docker-token \\',
      '  -e AGENT_TYPE=docker \\',
      '  -e LOG_LEVEL=debug \\',
      '',
    ].join('\n')
    expect(command.slice(0, begin.length)).toBe(begin)
    expect(command).toMatch(/\n {2}incident-rca\/agent:latest$/)
  })

  test('grants the agent only the mounts, limits and rights that it needs', () => {
    expect(lines()).toEqual([
      'docker run -d --name incident-rca-agent',
      '-e PLATFORM_API_URL=https://api.example.com',
      '-e AGENT_TOKEN=docker-token',
      '-e AGENT_TYPE=docker',
      '-e ROOT_PATH=/host',
      '--restart unless-stopped',
      expect.stringMatching(/^--mount type=bind,source="\$\( .+ \)",target=\/var\/run\/docker\.sock,readonly$/),
      '--mount type=bind,source=/sys/fs/cgroup,target=/host/sys/fs/cgroup,readonly',
      '--mount type=bind,source=/proc,target=/host/proc,readonly',
      expect.stringMatching(/^--mount type=bind,source="\$\( .+ \)",target=\/host\/etc\/machine-id,readonly$/),
      expect.stringMatching(/^--group-add "\$\( .+ \)"$/),
      '-v incident-rca-agent-state:/var/lib/rca-agent',
      '--memory 256m --cpus 0.5 --pids-limit 100',
      '--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --security-opt label=disable',
      'incident-rca/agent:latest',
    ])
  })

  test('passes the agent’s options in the operator’s order, without deployment-only options', () => {
    const config = {
      crash_log_lines: '50',
      image: 'registry.example.com/agent:1.0',
      exclude_containers: 'a,b',
      container_name: 'watcher',
      log_level: 'warn',
    }
    expect(lines(config).slice(0, 8)).toEqual([
      'docker run -d --name watcher',
      '-e PLATFORM_API_URL=https://api.example.com',
      '-e AGENT_TOKEN=docker-token',
      '-e AGENT_TYPE=docker',
      '-e CRASH_LOG_LINES=50',
      '-e EXCLUDE_CONTAINERS=a,b',
      '-e LOG_LEVEL=warn',
      '-e ROOT_PATH=/host',
    ])
    expect(lines(config).at(-1)).toBe('registry.example.com/agent:1.0')
    expect(plan(config).verify).toBe(`docker ps --all --filter 'name=^/watcher$' && docker logs --tail 20 watcher`)
    expect(plan(config).uninstall).toBe('docker rm --force watcher && docker volume rm watcher-state')
  })

  test.each<[string, RawConfig, string[], (string | RegExp)[]]>([
    ['network', { network: 'host' }, ['--network host'], []],
    [
      'extra_hosts',
      { extra_hosts: 'platform:10.0.0.1,gateway:host-gateway' },
      ['--add-host platform:10.0.0.1', '--add-host gateway:host-gateway'],
      [],
    ],
    [
      'https_proxy',
      { https_proxy: 'http://proxy.example.com:3128' },
      [
        '-e HTTPS_PROXY=http://proxy.example.com:3128',
        '-e HTTP_PROXY=http://proxy.example.com:3128',
        '-e NODE_USE_ENV_PROXY=1',
      ],
      [],
    ],
    [
      'no_proxy',
      { https_proxy: 'http://proxy.example.com:3128', no_proxy: 'localhost,.local' },
      [
        '-e HTTPS_PROXY=http://proxy.example.com:3128',
        '-e HTTP_PROXY=http://proxy.example.com:3128',
        '-e NO_PROXY=localhost,.local',
        '-e NODE_USE_ENV_PROXY=1',
      ],
      [],
    ],
    ['no_proxy without a proxy', { no_proxy: 'localhost' }, [], []],
    [
      'ca_file',
      { ca_file: '/etc/ssl/platform.pem' },
      [
        '-e NODE_EXTRA_CA_CERTS=/etc/rca-agent/platform-ca.pem',
        '--mount type=bind,source=/etc/ssl/platform.pem,target=/etc/rca-agent/platform-ca.pem,readonly',
      ],
      [],
    ],
    [
      'root_path',
      { root_path: '/mnt/host/' },
      [
        '-e ROOT_PATH=/mnt/host/',
        '--mount type=bind,source=/sys/fs/cgroup,target=/mnt/host/sys/fs/cgroup,readonly',
        '--mount type=bind,source=/proc,target=/mnt/host/proc,readonly',
      ],
      [
        '-e ROOT_PATH=/host',
        '--mount type=bind,source=/sys/fs/cgroup,target=/host/sys/fs/cgroup,readonly',
        '--mount type=bind,source=/proc,target=/host/proc,readonly',
      ],
    ],
    [
      'root_path `/`, which mounts nothing of the host',
      { root_path: '/' },
      ['-e ROOT_PATH=/'],
      [
        '-e ROOT_PATH=/host',
        '--mount type=bind,source=/sys/fs/cgroup,target=/host/sys/fs/cgroup,readonly',
        '--mount type=bind,source=/proc,target=/host/proc,readonly',
      ],
    ],
    [
      'docker_host with another socket',
      { docker_host: 'unix:///run/user/1000/docker.sock' },
      [
        '-e DOCKER_HOST=unix:///run/user/1000/docker.sock',
        '--mount type=bind,source=/run/user/1000/docker.sock,target=/run/user/1000/docker.sock,readonly',
      ],
      [],
    ],
    [
      'docker_host of a remote engine, whose control groups are not on this host',
      { docker_host: 'tcp://10.0.0.1:2375' },
      ['-e DOCKER_HOST=tcp://10.0.0.1:2375'],
      [
        '-e ROOT_PATH=/host',
        '--mount type=bind,source=/sys/fs/cgroup,target=/host/sys/fs/cgroup,readonly',
        '--mount type=bind,source=/proc,target=/host/proc,readonly',
      ],
    ],
    [
      'docker_cert_path',
      { docker_host: 'tcp://10.0.0.1:2376', docker_cert_path: '/etc/certs' },
      [
        '-e DOCKER_HOST=tcp://10.0.0.1:2376',
        '-e DOCKER_CERT_PATH=/etc/certs',
        '--mount type=bind,source=/etc/certs,target=/etc/certs,readonly',
      ],
      [
        '-e ROOT_PATH=/host',
        '--mount type=bind,source=/sys/fs/cgroup,target=/host/sys/fs/cgroup,readonly',
        '--mount type=bind,source=/proc,target=/host/proc,readonly',
      ],
    ],
    [
      'docker_tls_verify',
      { docker_host: 'tcp://10.0.0.1:2376', docker_tls_verify: '1' },
      [
        '-e DOCKER_HOST=tcp://10.0.0.1:2376',
        '-e DOCKER_TLS_VERIFY=1',
        '--mount type=bind,source=/etc/docker,target=/etc/docker,readonly',
      ],
      [
        '-e ROOT_PATH=/host',
        '--mount type=bind,source=/sys/fs/cgroup,target=/host/sys/fs/cgroup,readonly',
        '--mount type=bind,source=/proc,target=/host/proc,readonly',
      ],
    ],
  ])('applies %s', (_name, config, expected, unexpected) => {
    // Values that a shell finds on the host are tested in deployment.real.test.ts.
    const plain = (some: readonly string[]): string[] => some.filter((line) => !line.includes('$('))
    expect(plain(added(config)).toSorted()).toEqual(expected.toSorted())
    expect(plain(removed(config)).toSorted()).toEqual(unexpected.toSorted())
  })

  test('mounts no socket and adds no group for an engine behind TCP', () => {
    const { command } = plan({ docker_host: 'tcp://10.0.0.1:2375' })
    expect(command).not.toContain('docker.sock')
    expect(command).not.toContain('--group-add')
  })
})

describe('docker compose', () => {
  test('describes the same container in a file', () => {
    expect(composeFile({ log_level: 'debug' })).toEqual({
      services: {
        agent: {
          container_name: 'incident-rca-agent',
          image: 'incident-rca/agent:latest',
          environment: [
            'PLATFORM_API_URL=https://api.example.com',
            'AGENT_TOKEN=docker-token',
            'AGENT_TYPE=docker',
            'LOG_LEVEL=debug',
            'ROOT_PATH=/host',
          ],
          restart: 'unless-stopped',
          volumes: [
            ...[
              ['${DOCKER_SOCKET:-/var/run/docker.sock}', '/var/run/docker.sock'],
              ['/sys/fs/cgroup', '/host/sys/fs/cgroup'],
              ['/proc', '/host/proc'],
              ['${MACHINE_ID:-/etc/machine-id}', '/host/etc/machine-id'],
            ].map(([source, target]) => ({
              type: 'bind',
              source,
              target,
              read_only: true,
            })),
            { type: 'volume', source: 'state', target: '/var/lib/rca-agent' },
          ],
          group_add: ['${SOCKET_GROUP:-0}'],
          mem_limit: '256m',
          cpus: '0.5',
          pids_limit: 100,
          read_only: true,
          tmpfs: ['/tmp'],
          cap_drop: ['ALL'],
          security_opt: ['no-new-privileges', 'label=disable'],
          // The network of `docker run`, instead of one for the project.
          network_mode: 'bridge',
        },
      },
      volumes: { state: { name: 'incident-rca-agent-state' } },
    })
  })

  test.each([
    ['host', { network_mode: 'host' }, undefined],
    ['none', { network_mode: 'none' }, undefined],
    ['bridge', { network_mode: 'bridge' }, undefined],
    ['container:db', { network_mode: 'container:db' }, undefined],
    ['shop', { networks: ['agent'] }, { agent: { name: 'shop', external: true } }],
  ])('takes the network %s for a mode or for an existing network', (network, expected, networks) => {
    const file = composeFile({ network })
    expect(file.services.agent).toMatchObject(expected)
    expect(Object.keys(file.services.agent).filter((key) => key.startsWith('network'))).toEqual(Object.keys(expected))
    expect(file.networks).toEqual(networks)
  })

  test('escapes dollar signs', () => {
    const file = composeFile({
      no_proxy: '$HOME,${HOME},$$',
      https_proxy: 'http://p',
      ca_file: '/a$b',
      extra_hosts: 'a:$x',
      docker_host: 'unix:///run/$s',
    })
    const { environment, volumes, extra_hosts: hosts } = file.services.agent
    expect(environment).toContain('NO_PROXY=$$HOME,$${HOME},$$$$')
    expect(environment).toContain('DOCKER_HOST=unix:///run/$$s')
    expect(volumes).toContainEqual(expect.objectContaining({ source: '/a$$b' }))
    expect(volumes).toContainEqual(expect.objectContaining({ source: '/run/$$s', target: '/run/$$s' }))
    expect(hosts).toEqual(['a:$$x'])
  })

  test('has a project of its own with a valid name', () => {
    const compose = plan({ container_name: 'Team.A_agent' }).alternatives?.compose
    expect(compose?.command).toContain('docker compose --project-name team-a_agent --file - up --detach')
    expect(compose?.uninstall).toBe('docker rm --force Team.A_agent && docker volume rm Team.A_agent-state')
    expect(compose?.verify).toContain('docker logs --tail 20 Team.A_agent')
  })

  test('mounts no socket and adds no group for an engine behind TCP', () => {
    const { agent } = composeFile({ docker_host: 'tcp://10.0.0.1:2375' }).services
    expect(agent).not.toHaveProperty('group_add')
    expect(agent.volumes).toEqual([{ type: 'volume', source: 'state', target: '/var/lib/rca-agent' }])
  })
})

describe('the plan of a deployment', () => {
  test('lists prerequisites and warns of the rights of the socket', () => {
    const { prerequisites, instructions, alternatives } = plan({ image: 'registry.example.com/agent:1.0' })
    expect(prerequisites.join('\n')).toContain('Docker Engine 20.10 or newer')
    expect(prerequisites.join('\n')).toContain('`registry.example.com/agent:1.0`')
    expect(alternatives?.compose?.prerequisites.join('\n')).toContain('Docker Compose')
    expect(instructions).toContain('engine’s socket')
  })

  const notesFor = (platformUrl: string, config: RawConfig = {}) => {
    const { instructions, alternatives } = planDeployment(docker, { platformUrl, agentToken: 'docker-token', config })
    return [instructions, alternatives?.compose?.instructions]
  }

  test.each([
    'http://127.0.0.1:8080',
    'http://127.9.9.9',
    'https://localhost:8443/api',
    'http://a.localhost',
    'http://[::1]:80',
  ])('warns that %s is the container itself, and names the fix', (platformUrl) => {
    for (const config of [{}, { network: 'bridge' }, { network: 'shop' }])
      for (const notes of notesFor(platformUrl, config)) {
        expect(notes).toContain('is the container itself')
        expect(notes).toContain('set `network` to `host`')
      }
    for (const notes of notesFor(platformUrl, { network: 'host' })) expect(notes).not.toContain('container itself')
  })

  test.each([
    'https://api.example.com',
    'http://128.0.0.1',
    'http://127.0.0.1.example.com',
    'http://mylocalhost',
    'http://[::2]',
  ])('does not warn of %s', (platformUrl) => {
    for (const notes of notesFor(platformUrl)) expect(notes).not.toContain('container itself')
  })

  test('depends only on the request', () => {
    const config = { log_level: 'debug', docker_host: 'unix:///run/a.sock', network: 'shop' }
    const first = plan(config)
    vi.stubEnv('DOCKER_HOST', 'unix:///somewhere/else.sock')
    vi.stubEnv('HTTPS_PROXY', 'http://proxy.example.com')
    vi.setSystemTime(0)
    expect(plan(Object.freeze(config))).toEqual(first)
    vi.useRealTimers()
  })

  test.each<[string, RawConfig]>([
    ['docker_host', { docker_host: 'ssh://me@host' }],
    ['docker_host', { docker_host: 'tcp://host:99999' }],
    ['docker_host', { docker_host: 'tcp://:2375' }],
    ['docker_host', { docker_host: 'tcp://u:p@host:2375' }],
    ['container_name', { container_name: 'a b' }],
    ['image', { image: '--privileged' }],
    ['network', { network: '--privileged' }],
    ['extra_hosts', { extra_hosts: 'nameless' }],
    ['ca_file', { ca_file: 'platform.pem' }],
    ['https_proxy', { https_proxy: 'socks://proxy' }],
    ['docker_cert_path', { docker_cert_path: 'certs' }],
    ['root_path', { root_path: 'host' }],
  ])('rejects an invalid `%s` and names it', (option, config) => {
    expect(() => plan(config)).toThrow(`\`${option}`)
  })
})
