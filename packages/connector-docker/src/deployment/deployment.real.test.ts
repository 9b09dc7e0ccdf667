import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { planDeployment, type RawConfig } from '@rca/core'
import { realDescribe } from '@rca/rig/real'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { docker } from '../connector.ts'

const isInstalled = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0
const shells = ['sh', 'bash', 'dash', 'zsh'].filter(isInstalled)

/** A call of `docker`. */
interface Call {
  readonly words: readonly string[]
  readonly input: string
  readonly variables: Readonly<Record<string, string>>
}

/** Creates a folder for one test. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'rca-deployment-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Pastes a command into a shell with a `docker` that only records its calls. Other programs may be replaced too. */
function paste(
  shell: string,
  command: string,
  environment: Readonly<Record<string, string>> = {},
  programs: Readonly<Record<string, string>> = {},
): Call {
  const path = folder()
  const write = (name: string, script: string): void => {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(path, name), 0o755)
  }
  write('docker', `cd ${path}; printf '%s\\0' "$@" > words; env -0 > variables; [ "$1" != compose ] || cat > input`)
  for (const [name, script] of Object.entries(programs)) write(name, script)
  const { status, stderr } = spawnSync(shell, ['-c', command], {
    env: { PATH: `${path}${delimiter}${process.env.PATH}`, ...environment },
    encoding: 'utf8',
    // bash takes an input socket for a remote login and then reads its start-up files.
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const partsOf = (file: string): string[] => readFileSync(join(path, file), 'utf8').split('\0').slice(0, -1)
  const variables = partsOf('variables').map((line) => [
    line.slice(0, line.indexOf('=')),
    line.slice(line.indexOf('=') + 1),
  ])
  return {
    words: partsOf('words'),
    input: existsSync(join(path, 'input')) ? readFileSync(join(path, 'input'), 'utf8') : '',
    variables: Object.fromEntries(variables),
  }
}

/** A container that a command asks the engine for. */
interface RequestedContainer {
  readonly name: string
  readonly image: string
  readonly environment: readonly string[]
  /** `source:target`, all read-only except the state's. */
  readonly mounts: readonly string[]
  readonly groups: readonly string[]
  readonly network: string | undefined
  readonly hosts: readonly string[]
  readonly limits: readonly string[]
  readonly hardening: readonly string[]
}

/** Returns a mount as `source:target:ro`. The flag must be one line of CSV without quoted fields. */
function mountOf(flag: string): string {
  expect(flag).not.toMatch(/["\r\n]/)
  const [type, source = '', target = '', ...others] = flag.split(',')
  expect([type, ...others]).toEqual(['type=bind', 'readonly'])
  expect([source, target]).toEqual([expect.stringMatching(/^source=\//), expect.stringMatching(/^target=\//)])
  return `${source.slice('source='.length)}:${target.slice('target='.length)}:ro`
}

/** Returns the container that `docker run` asks for. Fails for a flag that is not known here. */
function requestedByRun({ words }: Call): RequestedContainer {
  const values = new Map<string, string[]>()
  const left = [...words]
  expect(left.shift()).toBe('run')
  while (left[0]?.startsWith('-')) {
    const flag = left.shift() ?? ''
    const value = flag === '-d' || flag === '--read-only' ? 'yes' : (left.shift() ?? '')
    values.set(flag, [...(values.get(flag) ?? []), value])
  }
  const of = (flag: string): string[] => values.get(flag) ?? []
  const known = ['-d', '--name', '-e', '-v', '--restart', '--group-add', '--memory', '--cpus', '--pids-limit']
  known.push('--mount', '--read-only', '--tmpfs', '--cap-drop', '--security-opt', '--network', '--add-host')
  expect([...values.keys()].filter((flag) => !known.includes(flag))).toEqual([])
  expect(left).toHaveLength(1)
  return {
    name: of('--name').join(),
    image: left.join(),
    environment: of('-e'),
    mounts: [...of('--mount').map(mountOf), ...of('-v')],
    groups: of('--group-add'),
    // Docker's default.
    network: of('--network')[0] ?? 'bridge',
    hosts: of('--add-host'),
    limits: [...of('--memory'), ...of('--cpus'), ...of('--pids-limit')],
    hardening: [
      ...of('--restart'),
      ...of('--read-only'),
      ...of('--tmpfs'),
      ...of('--cap-drop'),
      ...of('--security-opt'),
    ],
  }
}

interface Service extends Readonly<Record<string, unknown>> {
  readonly environment: readonly string[]
  readonly volumes: readonly { readonly source: string; readonly target: string; readonly read_only?: boolean }[]
}

/** Returns the container that the compose file asks for, with variables and `$$` replaced as compose does. */
function requestedByCompose({ words, input, variables }: Call): RequestedContainer {
  expect(words).toEqual(['compose', '--project-name', expect.any(String), '--file', '-', 'up', '--detach'])
  const filled = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.replaceAll(/\$\$|\$\{(\w+):-([^}]*)\}/g, (all, name: string, otherwise: string) =>
        all === '$$' ? '$' : variables[name] || otherwise,
      )
    if (Array.isArray(value)) return value.map(filled)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner)]))
  }
  const file = filled(parse(input)) as {
    readonly services: { readonly agent: Service }
    readonly volumes: Readonly<Record<string, { readonly name: string }>>
    readonly networks?: Readonly<Record<string, { readonly name: string }>>
  }
  const { agent } = file.services
  const list = (value: unknown): string[] => (value === undefined ? [] : [value].flat().map(String))
  const [network] = list(agent.networks)
  return {
    name: String(agent.container_name),
    image: String(agent.image),
    environment: agent.environment,
    mounts: agent.volumes.map(
      ({ source, target, read_only: isReadOnly }) =>
        `${file.volumes[source]?.name ?? source}:${target}${isReadOnly === true ? ':ro' : ''}`,
    ),
    groups: list(agent.group_add),
    network: network === undefined ? list(agent.network_mode)[0] : file.networks?.[network]?.name,
    hosts: list(agent.extra_hosts),
    limits: [...list(agent.mem_limit), ...list(agent.cpus), ...list(agent.pids_limit)],
    hardening: [
      ...list(agent.restart),
      ...(agent.read_only === true ? ['yes'] : []),
      ...list(agent.tmpfs),
      ...list(agent.cap_drop),
      ...list(agent.security_opt),
    ],
  }
}

/** Pastes both commands into every shell, and expects that all request the same container. */
function request(
  config: RawConfig,
  { token = 'docker-token', environment = {}, programs = {} }: RequestOptions = {},
): RequestedContainer {
  const { command, alternatives } = planDeployment(docker, {
    platformUrl: 'https://api.example.com',
    agentToken: token,
    config,
  })
  const [first, ...others] = shells.flatMap((shell) => [
    requestedByRun(paste(shell, command, environment, programs)),
    requestedByCompose(paste(shell, alternatives?.compose?.command ?? '', environment, programs)),
  ])
  if (first === undefined) throw new Error('no shell')
  const unordered = (requested: RequestedContainer): RequestedContainer => ({
    ...requested,
    mounts: requested.mounts.toSorted(),
  })
  for (const other of others) expect(unordered(other)).toEqual(unordered(first))
  return unordered(first)
}

interface RequestOptions {
  readonly token?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly programs?: Readonly<Record<string, string>>
}

/** Opens a socket, with a group of its own if this process is root. */
async function socket(): Promise<{ readonly path: string; readonly group: string }> {
  const path = join(folder(), "it's $HOME.sock")
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  if (process.getuid?.() === 0) chownSync(path, 0, 4321)
  return { path, group: `${statSync(path).gid}` }
}

const DEFAULT = '/var/run/docker.sock'
const machineId = existsSync('/etc/machine-id') ? '/etc/machine-id' : '/dev/null'
const defaultGroup = existsSync(DEFAULT) ? `${statSync(DEFAULT).gid}` : '0'

realDescribe(
  'the pasted docker command',
  shells.includes('sh') && spawnSync('stat', ['-Lc', '%n', '/']).status === 0
    ? {}
    : { missing: 'a POSIX shell and GNU stat' },
  () => {
    test('requests the same container with `docker run` and with `docker compose`, in every shell', () => {
      expect(request({ log_level: 'debug' })).toEqual({
        name: 'incident-rca-agent',
        image: 'incident-rca/agent:latest',
        environment: [
          'PLATFORM_API_URL=https://api.example.com',
          'AGENT_TOKEN=docker-token',
          'AGENT_TYPE=docker',
          'LOG_LEVEL=debug',
          'ROOT_PATH=/host',
        ],
        mounts: [
          '/proc:/host/proc:ro',
          '/sys/fs/cgroup:/host/sys/fs/cgroup:ro',
          `${machineId}:/host/etc/machine-id:ro`,
          `${DEFAULT}:${DEFAULT}:ro`,
          'incident-rca-agent-state:/var/lib/rca-agent',
        ].toSorted(),
        groups: [defaultGroup],
        network: 'bridge',
        hosts: [],
        limits: ['256m', '0.5', '100'],
        hardening: ['unless-stopped', 'yes', '/tmp', 'ALL', 'no-new-privileges', 'label=disable'],
      })
    })

    test('passes every value as one word and runs no part of it', () => {
      const hostile = '$(reboot)`reboot`"\'\\n\\$HOME ${HOME} $$ %s * ~ ;&|<>#!{a,b}\n - key: ü'
      // A mount is one line of CSV.
      const hostilePath = `/${hostile.replaceAll(/[,"\n]/g, '')}`
      const canary = join(folder(), 'was-run')
      const requested = request(
        {
          exclude_containers: `$(touch ${canary})`,
          container_labels: hostile.replaceAll(',', ''),
          root_path: hostilePath,
          ca_file: hostilePath,
          https_proxy: 'http://proxy/$(reboot)?"\'',
          no_proxy: hostile,
          docker_host: `unix://${hostilePath}`,
          extra_hosts: 'a:$(reboot)',
          network: 'my.net-1',
          container_name: 'Agent_1.x',
          image: 'localhost:5000/agent@sha256:0123',
        },
        { token: 'agent_a$(id)`id`\'";&|' },
      )
      expect(existsSync(canary)).toBe(false)
      expect(requested.environment).toEqual([
        'PLATFORM_API_URL=https://api.example.com',
        'AGENT_TOKEN=agent_a$(id)`id`\'";&|',
        'AGENT_TYPE=docker',
        `EXCLUDE_CONTAINERS=$(touch ${canary})`,
        `CONTAINER_LABELS=${hostile.replaceAll(',', '')}`,
        `ROOT_PATH=${hostilePath}`,
        `DOCKER_HOST=unix://${hostilePath}`,
        'HTTPS_PROXY=http://proxy/$(reboot)?"\'',
        'HTTP_PROXY=http://proxy/$(reboot)?"\'',
        `NO_PROXY=${hostile}`,
        'NODE_USE_ENV_PROXY=1',
        'NODE_EXTRA_CA_CERTS=/etc/rca-agent/platform-ca.pem',
      ])
      expect(requested).toMatchObject({
        name: 'Agent_1.x',
        image: 'localhost:5000/agent@sha256:0123',
        network: 'my.net-1',
        hosts: ['a:$(reboot)'],
        groups: ['0'],
      })
      expect(requested.mounts).toEqual(
        [
          `/proc:${hostilePath}/proc:ro`,
          `/sys/fs/cgroup:${hostilePath}/sys/fs/cgroup:ro`,
          `${machineId}:${hostilePath}/etc/machine-id:ro`,
          `${hostilePath}:${hostilePath}:ro`,
          `${hostilePath}:/etc/rca-agent/platform-ca.pem:ro`,
          'Agent_1.x-state:/var/lib/rca-agent',
        ].toSorted(),
      )
    })

    test('mounts the socket of the shell’s DOCKER_HOST and adds its group', async () => {
      const { path, group } = await socket()
      const requested = request({}, { environment: { DOCKER_HOST: `unix://${path}`, HOME: '/root' } })
      expect(requested.mounts).toContain(`${path}:${DEFAULT}:ro`)
      expect(requested.groups).toEqual([group])
      expect(requested.environment.filter((variable) => variable.startsWith('DOCKER_'))).toEqual([])
    })

    test.each(['unix:///nowhere/docker.sock', 'ssh://me@host', 'tcp://10.0.0.1:2375', ''])(
      'mounts the default socket if DOCKER_HOST is %j, which does not name a file',
      (address) => {
        const requested = request({}, { environment: { DOCKER_HOST: address } })
        expect(requested.mounts).toContain(`${DEFAULT}:${DEFAULT}:ro`)
        expect(requested.groups).toEqual([defaultGroup])
      },
    )

    test('adds the group of the default socket if that one is mounted', () => {
      const stat = `[ "$*" = '-Lc %g ${DEFAULT}' ] && echo 998`
      for (const address of ['unix:///nowhere/docker.sock', '']) {
        const requested = request({}, { environment: { DOCKER_HOST: address }, programs: { stat } })
        expect(requested.mounts).toContain(`${DEFAULT}:${DEFAULT}:ro`)
        expect(requested.groups).toEqual(['998'])
      }
    })

    test('prefers `docker_host` to the shell’s DOCKER_HOST', async () => {
      const [named, other] = [await socket(), await socket()]
      const environment = { DOCKER_HOST: `unix://${other.path}` }
      const requested = request({ docker_host: `unix://${named.path}` }, { environment })
      expect(requested.mounts).toContain(`${named.path}:${named.path}:ro`)
      expect(requested.groups).toEqual([named.group])
      expect(requested.environment).toContain(`DOCKER_HOST=unix://${named.path}`)
      expect(requested.mounts.join()).not.toContain(other.path)
    })

    test('uses the default paths with a `stat` that has no -c, as on macOS', async () => {
      const { path } = await socket()
      const stat = 'echo "stat: illegal option -- c" >&2; exit 1'
      const requested = request({}, { environment: { DOCKER_HOST: `unix://${path}` }, programs: { stat } })
      expect(requested.mounts).toContain(`${DEFAULT}:${DEFAULT}:ro`)
      expect(requested.mounts).toContain('/dev/null:/host/etc/machine-id:ro')
      expect(requested.groups).toEqual(['0'])
    })

    test('mounts only certificates for an engine behind TCP', () => {
      const requested = request({
        docker_host: 'tcp://10.0.0.1:2376',
        docker_cert_path: '/etc/my certs',
        network: 'host',
      })
      expect(requested.mounts).toEqual([
        '/etc/my certs:/etc/my certs:ro',
        'incident-rca-agent-state:/var/lib/rca-agent',
      ])
      expect(requested).toMatchObject({ groups: [], network: 'host' })
    })

    test('verifies and uninstalls the container by its name', () => {
      const { verify = '', uninstall = '' } = planDeployment(docker, {
        platformUrl: 'https://api.example.com',
        agentToken: 'docker-token',
        config: { container_name: 'my.agent' },
      })
      for (const shell of shells) {
        expect(paste(shell, verify).words).toEqual(['logs', '--tail', '20', 'my.agent'])
        expect(paste(shell, verify.replace(/ && .*/, '')).words).toEqual([
          'ps',
          '--all',
          '--filter',
          'name=^/my.agent$',
        ])
        expect(paste(shell, uninstall).words).toEqual(['volume', 'rm', 'my.agent-state'])
      }
    })
  },
)
