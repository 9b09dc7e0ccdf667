import { describe, expect, test } from 'vitest'
import { damaged, numbersIn } from '../../test/damaged-answers.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { toContainer } from './translate-container.ts'

describe.each(engineNames)('toContainer: containers of %s', (name) => {
  const of = captured(name)

  test('returns the options of the command line', () => {
    const web = of.container('shop-web-1')
    expect(web).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      name: 'shop-web-1',
      created: expect.stringMatching(/^2026-11-24T/),
      image: expect.stringContaining('busybox:local'),
      imageId: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      restartPolicy: 'always',
      restartCount: 0,
      privileged: false,
      limits: { memory: 64 * 1024 ** 2, memoryReservation: undefined, cpus: 0.5, pids: 50 },
    })
    expect(web.labels).toMatchObject({
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      'secret.label': 'canary-label',
    })
    expect(web.environment).toEqual(expect.arrayContaining(['MODE=prod', 'DB_PASSWORD=canary-password']))
    expect(web.command.slice(0, 2)).toEqual(['sh', '-c'])
    expect(web.state).toMatchObject({
      status: 'running',
      pid: expect.any(Number),
      startedAt: expect.stringMatching(/^2026-11-24T/),
      finishedAt: undefined,
      health: { status: 'healthy', failingStreak: 0 },
    })
    expect(web.ports).toEqual(
      expect.arrayContaining([
        { container: '80/tcp', host: '127.0.0.1:18080' },
        { container: '9000/tcp', host: undefined },
      ]),
    )
    expect(web.mounts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'volume', name: 'shop-data', destination: '/data', writable: true }),
        expect.objectContaining({ type: 'bind', source: '/etc/hostname', destination: '/etc/site', writable: false }),
      ]),
    )
    // Podman 4 does not report the network.
    expect(Object.keys(web.networks)).toEqual(name.startsWith('podman-4') ? [] : ['shop'])
    expect(Object.values(web.networks).every((id) => /^[0-9a-f]{64}$/.test(id))).toBe(true)
    expect(of.container('on-host').networkMode).toBe('host')
  })

  test('returns undefined, not 0, without limits, health check or exit', () => {
    const plain = of.container('plain')
    expect(plain.limits).toMatchObject({ memory: undefined, cpus: undefined, cpuShares: undefined })
    expect(plain.state).toMatchObject({ status: 'running', health: undefined, finishedAt: undefined, error: undefined })
    expect(of.container('created').state).toMatchObject({
      status: 'created',
      pid: undefined,
      startedAt: undefined,
      finishedAt: undefined,
      health: undefined,
    })
  })

  test('returns the exit of stopped containers', () => {
    expect(of.container('crashed').state).toMatchObject({
      status: 'exited',
      exitCode: 3,
      pid: undefined,
      finishedAt: expect.stringMatching(/^2026-11-24T/),
      outOfMemory: false,
    })
    expect(of.container('oom').state).toMatchObject({ status: 'exited', exitCode: 137 })
    expect(of.container('paused').state).toMatchObject({ status: 'paused', pid: expect.any(Number) })
    expect(of.container('looping')).toMatchObject({ restartPolicy: 'on-failure', restartCount: expect.any(Number) })
    expect(of.container('looping').restartCount).toBeGreaterThan(0)
    expect(of.container('sick').state.health).toMatchObject({
      status: 'unhealthy',
      failingStreak: 1,
      lastOutput: expect.stringContaining('canary-health'),
    })
  })
})

test('toContainer returns exact values of one engine', () => {
  const of = captured(exactEngine)
  expect(of.container('sick')).toEqual({
    id: '94994cd575e80f710f60826cb7e9d5fe9245348f08022bc712bf436583808736',
    name: 'sick',
    created: '2026-11-24T23:21:57.78333052Z',
    image: 'busybox:local',
    imageId: 'sha256:d5227cb55dc708e4fd65b7a27cd111ce01e9018dadacd009cd5a54f31c3e5d44',
    labels: {},
    command: ['sleep', '3600'],
    environment: ['PATH=/bin'],
    state: expect.objectContaining({ pid: 10169, exitCode: 0, outOfMemory: false }),
    restartCount: 0,
    restartPolicy: 'no',
    autoRemove: false,
    privileged: false,
    networkMode: 'bridge',
    cgroupParent: undefined,
    logDriver: 'json-file',
    limits: expect.objectContaining({ memory: undefined, pids: undefined }),
    ports: [],
    publishedPorts: [],
    mounts: [],
    networks: { bridge: '6bd30e0c2554082c61b831f922a0f497b34a4f413b580c9d1b0bd8410c03168a' },
  })
  expect(of.container('oom').state.outOfMemory).toBe(true)
})

describe('toContainer: unexpected answers', () => {
  const answer = captured(exactEngine).json('container-shop-web-1.json')
  const whole = toContainer(answer)

  test('parses the rest when any single field is damaged, and invents no numbers', () => {
    const numbers = numbersIn(whole)
    for (const { name, answer: broken } of damaged(answer).filter(({ name }) => !/^Id /.test(name))) {
      const read = toContainer(broken)
      expect(read.id, name).toBe(whole.id)
      for (const [path, value] of numbersIn(read)) expect(value, `${path} where ${name}`).toBe(numbers.get(path))
    }
  })

  test('requires only an id', () => {
    expect(toContainer({ Id: 'a' })).toMatchObject({
      id: 'a',
      name: '',
      labels: {},
      environment: [],
      state: { status: '', exitCode: undefined, health: undefined },
      restartCount: undefined,
      limits: { memory: undefined, cpus: undefined },
      ports: [],
      mounts: [],
      networks: {},
    })
    for (const none of [{}, null, 'a text', [], { Id: 7 }]) expect(() => toContainer(none)).toThrow()
  })

  test('keeps the other entries of a list with a damaged one', () => {
    const read = toContainer({
      Id: 'a',
      Config: { Env: ['A=1', null, 'B=2'], Labels: { good: 'yes', odd: 7 } },
      NetworkSettings: { Ports: { '80/tcp': 'odd', '81/tcp': [{ HostIp: '::', HostPort: '81' }] } },
    })
    expect(read.environment).toEqual(['A=1', 'B=2'])
    expect(read.labels).toEqual({ good: 'yes' })
    expect(read.ports).toContainEqual({ container: '81/tcp', host: '[::]:81' })
  })
})

describe('toContainer: CPU limit', () => {
  test.each([
    [{ NanoCpus: 1_500_000_000 }, 1.5],
    [{ CpuQuota: 50_000, CpuPeriod: 200_000 }, 0.25],
    [{ CpuQuota: 50_000, CpuPeriod: 0 }, 0.5],
    [{ NanoCpus: 0, CpuQuota: -1 }, undefined],
    [{ NanoCpus: null }, undefined],
  ])('reads %o as %s', (limits, cpus) => {
    expect(toContainer({ Id: 'a', HostConfig: limits }).limits.cpus).toBe(cpus)
  })
})

test('toContainer ignores a disabled health check and keeps the output of the last failed check', () => {
  const health = (Health: unknown) => toContainer({ Id: 'a', State: { Health } }).state.health
  expect(health({ Status: 'none' })).toBeUndefined()
  expect(health({ Status: 'starting', Log: null })).toMatchObject({ status: 'starting', lastOutput: undefined })
  const log = [
    { ExitCode: 1, Output: 'first' },
    { ExitCode: 2, Output: 'second' },
    { ExitCode: 0, Output: 'fine' },
  ]
  expect(health({ Status: 'healthy', FailingStreak: 0, Log: log })).toEqual({
    status: 'healthy',
    failingStreak: 0,
    lastOutput: 'second',
  })
})
