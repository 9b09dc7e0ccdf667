import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { cp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Entity, Event, Report } from '@rca/core/protocol'
import { BUSYBOX_IMAGE, composeEnvironment, docker, findEngine, run, testRun } from '@rca/rig'
import { realDescribe, realTest } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentAnswer } from '../src/platform.ts'
import { startCompanyNetwork } from './company-network.ts'
import { type PlatformProcess, type Provisioned, startPlatformProcess } from './platform-process.ts'
import { eventually } from './processes.ts'
import { makeQueuesConnector } from './queues-connector.ts'

const repository = new URL('../../..', import.meta.url).pathname
const IMAGE = 'incident-rca/agent:latest'
const engine = await findEngine(testRun())
const directory = mkdtempSync(join(tmpdir(), 'rca-docker-'))
const compose = await composeEnvironment(join(directory, 'docker'))

/** Prefix of everything that this run creates on the engine. */
const prefix = `rca-e2e-${process.pid}`
const agentName = `${prefix}-agent`
const SECRETS = ['canary-of-the-log', 'canary-of-the-environment', 'canary-of-the-new-environment']

/** End to end without mocks: `sh` runs the command that the API returned, a real engine runs our image. */
realDescribe('a Docker host', engine, () => {
  const { dockerHost } = engine
  const on = (...words: string[]): Promise<string> => docker(dockerHost, words)
  const sh = (command: string): Promise<string> =>
    run('sh', ['-c', command], { env: { ...compose, DOCKER_HOST: dockerHost } })
  let platform: PlatformProcess
  let provisioned: Provisioned
  let agentId = ''

  const events = async (query: Readonly<Record<string, string | number>> = {}): Promise<Event[]> =>
    (await platform.get<{ events: Event[] }>('events', { environment: prefix, limit: 500, ...query })).events
  const eventOf = (name: string, container: string, id: string): Promise<Event> =>
    eventually(`${name} of ${container}`, async () =>
      (await events({ name })).find(({ entity }) => entity.id === id.trim()),
    )
  const entities = async (type: string): Promise<Entity[]> =>
    (await platform.get<{ entities: Entity[] }>(`agents/${agentId}/entities`, { type, limit: 500 })).entities

  beforeAll(async () => {
    await run(process.execPath, ['--conditions=@rca/source', 'scripts/image.ts'], {
      cwd: repository,
      env: { DOCKER_HOST: dockerHost },
      timeout: 300_000,
    })
    const labels = ['com.docker.compose.project=shop', 'com.docker.compose.service=web'].flatMap((l) => ['--label', l])
    await on('run', '-d', '--name', `${prefix}-web`, '--memory', '32m', ...labels, BUSYBOX_IMAGE, 'sleep', '3600')
    await on('create', '--name', `${prefix}-created`, BUSYBOX_IMAGE, 'true')
    platform = await startPlatformProcess(directory)
  }, 400_000)
  afterAll(async () => {
    const left = (await on('ps', '--all', '--quiet', '--filter', `name=${prefix}`)).split('\n').filter(Boolean)
    if (left.length > 0) await on('rm', '--force', '--volumes', ...left)
    await on('image', 'rm', '--force', `${prefix}-next`, `${prefix}-queues`).catch(() => undefined)
    await platform?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  test('runs an agent with the returned command, and lists every container of the engine', async () => {
    provisioned = await platform.provision({
      agent_type: 'docker',
      environment_name: prefix,
      // The platform listens on this machine's loopback.
      config: { log_level: 'debug', network: 'host', container_name: agentName, collect_interval: '1s' },
    })
    await sh(provisioned.deployment_command)
    const agent = await eventually(
      'the agent coming online',
      async () => {
        const { agents } = await platform.get<{ agents: AgentAnswer[] }>('agents', { environment: prefix })
        const [found] = agents
        return found?.connectivity === 'online' && Object.hasOwn(found.health.collectors, 'usage') && found
      },
      15_000,
    )
    agentId = agent.agent_id ?? ''
    expect(agent.health).toEqual(expect.objectContaining({ status: 'healthy', gaps: [] }))
    const ids = async (): Promise<string[]> => (await on('ps', '--all', '--quiet', '--no-trunc')).split('\n')
    await eventually('every container of the engine being listed', async () => {
      const before = await ids()
      const listed = new Set((await entities('container')).map(({ id }) => id))
      const after = new Set(await ids())
      // Other programs may use the engine: containers that came or went in between may be listed or not.
      return before.filter((id) => after.has(id)).every((id) => listed.has(id))
    })
    expect(await sh(`( ${provisioned.verify_command} ) 2>&1`)).toContain('agent started')
  })

  test('runs the agent as an unprivileged user, on a read-only root, and passes its health check', async () => {
    const [{ Config, HostConfig, Mounts }] = JSON.parse(await on('inspect', agentName))
    expect(Config.User).toBe('10001:10001')
    expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], Privileged: false })
    const writable = Mounts.filter((mount: { RW: boolean }) => mount.RW).map(
      ({ Destination }: { Destination: string }) => Destination,
    )
    expect(writable).toEqual(['/var/lib/rca-agent'])
    // Runs the health check now instead of in half a minute.
    await on('exec', agentName, ...Config.Healthcheck.Test.slice(1))
  })

  test('measures a container that uses half a processor', async () => {
    const id = await on(
      'run',
      '-d',
      '--name',
      `${prefix}-busy`,
      '--cpus',
      '0.5',
      BUSYBOX_IMAGE,
      'sh',
      '-c',
      'while :; do :; done',
    )
    const usage = await eventually('its processor usage', async () => {
      const query = { environment: prefix, name: 'container.cpu.usage', entity_id: id, step: '1s' }
      const { series } = await platform.get<{ series: { points: { value: number }[] }[] }>('metrics', query)
      return (series[0]?.points.length ?? 0) >= 3 && series[0]?.points
    })
    for (const { value } of usage?.slice(1) ?? []) expect(value).toBeGreaterThan(0.05)
    for (const { value } of usage ?? []) expect(value).toBeLessThan(0.8)
    await on('rm', '--force', `${prefix}-busy`)
  })

  test('reports a container that ran out of memory, with the evidence', async () => {
    const id = await on('run', '-d', '--name', `${prefix}-oom`, '-m', '24m', BUSYBOX_IMAGE, 'tail', '/dev/zero')
    const { severity, attributes } = await eventOf('container.crashed', 'oom', id)
    expect(severity).toBe('critical')
    expect(attributes).toMatchObject({
      'container.exit_code': 137,
      'container.exit_signal': 'SIGKILL',
      'container.oom_killed': true,
      'container.limit.memory': 24 * 1024 * 1024,
      'container.name': `${prefix}-oom`,
      'container.image.name': BUSYBOX_IMAGE,
    })
  })

  test('reports a crash with the end of its log, without the secrets in it', async () => {
    const script =
      'printf "\\033[31mstarting\\033[0m\\n"; echo "password=canary-of-the-log"; echo "$API_KEY is refused" >&2; exit 3'
    const environment = ['-e', `API_KEY=${SECRETS[1]}`]
    const id = await on('run', '-d', '--name', `${prefix}-crash`, ...environment, BUSYBOX_IMAGE, 'sh', '-c', script)
    const { severity, attributes, body } = await eventOf('container.crashed', 'crash', id)
    expect([severity, body]).toEqual(['error', `Container ${prefix}-crash crashed with exit code 3`])
    expect(attributes).toMatchObject({ 'container.exit_code': 3, 'container.oom_killed': false })
    // The order of the two streams is not defined.
    expect(String(attributes['container.log']).split('\n').filter(Boolean).toSorted()).toEqual([
      '[redacted] is refused',
      'password=[redacted]',
      'starting',
    ])
  })

  test('reports the changes when a compose service is recreated with a new image', async () => {
    const settings = ['--change', 'LABEL version=2', '--change', 'CMD ["sh"]']
    await on('commit', ...settings, `${prefix}-created`, `${prefix}-next`)
    const from = new Date().toISOString()
    await on('rm', '--force', `${prefix}-web`)
    const labels = ['com.docker.compose.project=shop', 'com.docker.compose.service=web'].flatMap((l) => ['--label', l])
    const environment = ['-e', `NEW_TOKEN=${SECRETS[2]}`]
    const words = ['--memory', '64m', ...environment, ...labels, `${prefix}-next`, 'sleep', '3600']
    const id = await on('run', '-d', '--name', `${prefix}-web`, ...words)
    const { id: change = '', attributes, body } = await eventOf('container.changed', 'web', id)
    expect(body).toEqual(
      expect.stringContaining(
        `Container ${prefix}-web was recreated: image ${BUSYBOX_IMAGE} → ${prefix}-next; memory limit `,
      ),
    )
    expect(attributes).toMatchObject({
      'docker.compose.service': 'web',
      'change.image.old': BUSYBOX_IMAGE,
      'change.image.new': `${prefix}-next`,
      'change.environment.added': ['NEW_TOKEN'],
      'change.limits': expect.arrayContaining([`memory: ${32 * 1024 ** 2} → ${64 * 1024 ** 2}`]),
    })
    expect(attributes['change.image.old_id']).not.toBe(attributes['change.image.new_id'])
    await eventOf('container.started', 'web', id)
    // One event for a person, with its steps below it.
    const ofWeb = (found: readonly Event[]): string[] =>
      found.filter((event) => event.attributes['container.name'] === `${prefix}-web`).map(({ name }) => name)
    expect(ofWeb(await events({ from, fold: 'true' }))).toEqual(['container.changed'])
    expect(ofWeb(await events({ step_of: change }))).toEqual(
      expect.arrayContaining(['container.removed', 'container.exited', 'container.created', 'container.started']),
    )
  })

  test('keeps secrets of containers on the host', async () => {
    const answers = [await events(), await entities('container'), await on('logs', agentName), platform.log()]
    const database = await Promise.all(
      ['', '-wal'].map((end) => readFile(join(directory, `rca.sqlite${end}`), 'latin1').catch(() => '')),
    )
    const everything = JSON.stringify(answers) + database.join('')
    expect(everything).toContain('[redacted]')
    expect(SECRETS.filter((secret) => everything.includes(secret))).toEqual([])
    expect(await on('logs', agentName)).not.toContain(provisioned.agent_token)
  })

  test('deletes everything with the returned uninstall command', async () => {
    await sh(provisioned.uninstall_command)
    expect(await on('ps', '--all', '--quiet', '--filter', `name=${agentName}`)).toBe('')
    expect(await on('volume', 'ls', '--quiet', '--filter', `name=${agentName}`)).toBe('')
    await eventually('the agent going offline', async () => {
      const { agents } = await platform.get<{ agents: AgentAnswer[] }>('agents', { environment: prefix })
      return agents[0]?.connectivity === 'offline'
    })
  })

  realTest('runs as a compose service', compose !== undefined, async () => {
    const name = `${prefix}-composed`
    const environment = `${prefix}-composed`
    const config = { network: 'host', container_name: name }
    const answer = await platform.provision({ agent_type: 'docker', environment_name: environment, config })
    const { deployment_command = '', uninstall_command = '' } = answer.alternatives?.compose ?? {}
    await sh(deployment_command)
    await eventually('the agent coming online', async () => {
      const { agents } = await platform.get<{ agents: AgentAnswer[] }>('agents', { environment })
      return agents[0]?.connectivity === 'online' && agents[0].health.status === 'healthy'
    })
    const [{ HostConfig }] = JSON.parse(await on('inspect', name))
    expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], NetworkMode: 'host', PidsLimit: 100 })
    await sh(uninstall_command)
    expect(await on('ps', '--all', '--quiet', '--filter', `name=${name}`)).toBe('')
    expect(await on('volume', 'ls', '--quiet', '--filter', `name=${name}`)).toBe('')
  })

  test('reaches a platform behind a proxy, with a private certificate authority', async () => {
    const company = await startCompanyNetwork(join(directory, 'company'))
    const data = join(directory, 'company-data')
    mkdirSync(data)
    const behind = await startPlatformProcess(data, { RCA_PUBLIC_URL: company.platformUrl })
    const name = `${prefix}-behind`
    try {
      company.forwardTo(behind.url)
      const config = {
        network: 'host',
        container_name: name,
        https_proxy: company.proxyUrl,
        ca_file: company.authorityFile,
      }
      const answer = await behind.provision({ agent_type: 'docker', environment_name: prefix, config })
      await sh(answer.deployment_command)
      await eventually('the agent coming online', async () => {
        const { agents } = await behind.get<{ agents: AgentAnswer[] }>('agents', { environment: prefix })
        return agents[0]?.connectivity === 'online' && agents[0].health.status === 'healthy'
      })
      expect(new Set(company.connected)).toEqual(new Set([new URL(company.platformUrl).host]))
      await sh(answer.uninstall_command)
    } finally {
      await behind.stop()
      company.close()
    }
  })

  test('runs the connectors of RCA_CONNECTORS, from a volume and from an image of its own', async () => {
    const folder = join(directory, 'derived')
    makeQueuesConnector(join(folder, 'connectors'))
    const variables = ['RCA_CONNECTORS=/opt/rca-connectors', 'AGENT_TYPE=acme/queues']
    writeFileSync(
      join(folder, 'Dockerfile'),
      `FROM ${IMAGE}\nCOPY connectors /opt/rca-connectors\nENV ${variables[0]}\n`,
    )
    await on('build', '--quiet', '--network', 'none', '--tag', `${prefix}-queues`, folder)
    const volume = ['--volume', `${folder}/connectors:/opt/rca-connectors:ro`, '--env', variables[0] ?? '', IMAGE]
    for (const words of [volume, [`${prefix}-queues`]]) {
      const answer = await on('run', '--rm', '--read-only', '--env', variables[1] ?? '', ...words, 'collect')
      const { data } = JSON.parse(answer) as Report
      expect(data.gaps).toEqual([])
      expect(data.metrics).toContainEqual(expect.objectContaining({ name: 'acme.queue.messages', value: 5 }))
    }
  })

  test('installs connectors with npm, by its own command and into its own folder', async () => {
    const folder = join(directory, 'with-npm')
    const connectors = join(folder, 'connectors')
    makeQueuesConnector(connectors)
    const npm = join((await run('npm', ['root', '--global'])).trim(), 'npm')
    await cp(npm, join(folder, 'npm'), { recursive: true, dereference: true })
    // The base that this repository makes has neither npm nor a shell.
    const program = '#!/usr/local/bin/node\nrequire("/usr/local/lib/node_modules/npm/bin/npm-cli.js")\n'
    writeFileSync(join(folder, 'npm.js'), program, { mode: 0o755 })
    await run('npm', ['pack', './connectors/node_modules/rca-connector-queues', '--silent'], { cwd: folder })
    const lines = [
      `FROM ${IMAGE}`,
      'USER root',
      'COPY npm /usr/local/lib/node_modules/npm',
      'COPY npm.js /usr/local/bin/npm',
      'COPY rca-connector-queues-1.0.0.tgz /opt/queues.tgz',
      // The build has no network: npm would try for a minute to reach its registry for an audit.
      'ENV npm_config_cache=/tmp/.npm npm_config_audit=false npm_config_fetch_retries=0',
    ]
    const build = async (...more: string[]): Promise<string> => {
      writeFileSync(join(folder, 'Dockerfile'), [...lines, ...more, 'USER 10001'].join('\n'))
      return (await on('build', '--quiet', '--network', 'none', folder)).trim()
    }
    const installed = await build('RUN ["npm", "install", "--prefix", "/app", "/opt/queues.tgz"]')
    const types = await on('run', '--rm', installed, 'types')
    expect(types).toMatch(/^acme\/queues\t.*rca-connector-queues@1\.0\.0$/m)
    expect(types).toMatch(/^docker\t/m)

    const withNpm = await build()
    const variables = ['--env', 'RCA_CONNECTORS=/tmp/connectors', '--network', 'none']
    const added = await on('run', '--rm', ...variables, withNpm, 'add', '/opt/queues.tgz')
    expect(added).toMatch(/^Added rca-connector-queues@1\.0\.0: type acme\/queues \(Acme queues\), 1 collector/m)
    await on('image', 'rm', '--force', installed, withNpm)
  })

  test('contains its licences and its bill of materials', async () => {
    const print = `for (const name of ['LICENSE', 'THIRD-PARTY-LICENSES', 'rca-agent.cdx.json']) console.log(fs.readFileSync('/app/' + name, 'utf8'))`
    const text = await on('run', '--rm', '--entrypoint', 'node', IMAGE, '--eval', print)
    expect(text).toContain('Apache License')
    expect(text).toMatch(/^dockerode \d+\.\d+\.\d+ \(Apache-2\.0\)$/m)
    expect(text).toContain('"bomFormat": "CycloneDX"')
  })

  test('names the group that the agent needs when it may not use the socket', async () => {
    const socket = dockerHost.replace('unix://', '')
    const mount = `${socket}:/var/run/docker.sock:ro`
    await expect(on('run', '--rm', '-v', mount, IMAGE, 'collect', '--type', 'docker')).rejects.toThrow(
      /Permission denied on \/var\/run\/docker\.sock for user 10001.*--group-add \d+/s,
    )
  })
})
