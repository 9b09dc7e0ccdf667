import { describe, expect, test } from 'vitest'
import { type ContainerChange, changed } from '../../test/engine-events.ts'
import { captured, engineNames } from '../../test/fixtures.ts'
import { compareSpecs, type SpecDifference, slotOf, specOf } from './container-spec.ts'

const web = captured().container('shop-web-1')
const keyedHash = (text: string): string => `keyedHash of ${text.length} characters`

describe('specOf', () => {
  test('returns the configuration of a container', () => {
    expect(specOf(web, keyedHash)).toMatchObject({
      id: web.id,
      image: 'busybox:local',
      imageId: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      limits: { memory: 67_108_864, cpus: 0.5, pids: 50 },
      mounts: expect.arrayContaining(['volume:shop-data:/data:rw', 'bind:/etc/hostname:/etc/site:ro']),
      ports: ['127.0.0.1:18080->80/tcp'],
      settings: { restart_policy: 'always', privileged: 'false', network_mode: 'shop', log_driver: 'json-file' },
    })
  })

  test('returns the names of environment variables, and neither their values nor the command', () => {
    const secret = changed(web, {
      environment: ['DB_PASSWORD=canary-a', 'URL=x=canary-b', 'EMPTY='],
      command: ['canary-c'],
    })
    const shape = specOf(secret, keyedHash)
    expect(Object.keys(shape.environment)).toEqual(['DB_PASSWORD', 'URL', 'EMPTY'])
    expect(JSON.stringify(shape)).not.toContain('canary-')
  })

  test('does not reveal that two variables have the same value', () => {
    const { environment } = specOf(changed(web, { environment: ['A=secret', 'B=secret'] }), (text) => text)
    expect(environment.A).not.toBe(environment.B)
  })

  test('distinguishes commands with different argument boundaries', () => {
    const commandOf = (...command: string[]): string => specOf(changed(web, { command }), (text) => text).command
    expect(commandOf('sh', '-c', 'a b')).not.toBe(commandOf('sh', '-c', 'a', 'b'))
  })
})

describe('specOf: equal configurations', () => {
  test.each(engineNames)('%s: is equal before the start, during the run and after the exit', (name) => {
    const running = captured(name).container('shop-web-1')
    const environment = running.environment.map((variable) => variable.replace(running.id.slice(0, 12), 'another'))
    const idle = changed(running, {
      id: 'another',
      environment,
      ports: [],
      networks: {},
      state: { status: 'created', pid: undefined },
    })
    expect(compareSpecs(specOf(running, keyedHash), specOf(idle, keyedHash))).toBeUndefined()
  })

  test.each([
    ['anonymous volumes have other names', 'mounts'],
    ['the container that shares its network was recreated', 'networkMode'],
  ])('is equal although %s', (_why, what) => {
    const one = (digit: string) =>
      what === 'mounts'
        ? changed(web, {
            mounts: [
              {
                type: 'volume',
                name: digit.repeat(64),
                source: `/var/lib/docker/volumes/${digit.repeat(64)}/_data`,
                destination: '/cache',
                writable: true,
              },
            ],
          })
        : changed(web, { networkMode: `container:${digit.repeat(64)}` })
    expect(compareSpecs(specOf(one('a'), keyedHash), specOf(one('b'), keyedHash))).toBeUndefined()
  })
})

describe('slotOf', () => {
  const compose = (more: Readonly<Record<string, string>> = {}) => ({
    'com.docker.compose.project': 'shop',
    'com.docker.compose.service': 'web',
    'com.docker.compose.container-number': '1',
    'com.docker.compose.oneoff': 'False',
    ...more,
  })
  const place = (name: string, labels: Readonly<Record<string, string>> = {}): string => slotOf({ name, labels })

  test('returns the name of a container without Compose', () => {
    expect(place('web')).toBe(place('web'))
    expect(place('web')).not.toBe(place('db'))
    expect(place('web', { 'com.docker.compose.project': 'shop' })).toBe(place('web'))
  })

  test('returns the Compose service and number, whatever the name', () => {
    expect(place('0a1b2c_shop-web-1', compose())).toBe(place('shop-web-1', compose()))
    expect(place('a', compose())).not.toBe(place('a', compose({ 'com.docker.compose.container-number': '2' })))
    expect(place('a', compose())).not.toBe(place('a', compose({ 'com.docker.compose.project': 'blog' })))
    expect(place('a', compose())).not.toBe(place('a', compose({ 'com.docker.compose.service': 'db' })))
  })

  test('returns the name of a container of `docker compose run`', () => {
    const labels = compose({ 'com.docker.compose.oneoff': 'True' })
    expect(place('shop-web-run-1', labels)).not.toBe(place('shop-web-1', compose()))
  })
})

const nothing = { added: [], removed: [] }

/** Returns the differences after a change. */
function differenceOf(change: ContainerChange): SpecDifference | undefined {
  const shape = (container: typeof web) => specOf(container, (text) => `keyedHash of ${text}`)
  return compareSpecs(shape(web), shape(changed(web, change)))
}

describe('compareSpecs', () => {
  test('returns undefined for equal configurations', () => {
    expect(
      differenceOf({ id: 'another', name: 'renamed', created: '2027-01-01T00:00:00Z', restartCount: 5 }),
    ).toBeUndefined()
  })

  test.each([
    ['another tag', { image: 'busybox:2', imageId: 'sha256:2' }],
    ['another image under the same tag', { imageId: 'sha256:2' }],
    ['another tag of the same image', { image: 'busybox:latest' }],
  ])('finds a changed image: %s', (_name, change) => {
    expect(differenceOf(change)?.fields).toEqual(['image'])
  })

  test('finds a changed command', () => {
    expect(differenceOf({ command: ['sh', '-c', 'other'] })?.fields).toEqual(['command'])
  })

  test('finds added, removed and changed variables', () => {
    const kept = web.environment.filter((variable) => !/^(MODE|DB_PASSWORD)=/.test(variable))
    const environment = [...kept, 'DB_PASSWORD=another', 'ZONE=b', 'AREA=a', 'constructor=c']
    expect(differenceOf({ environment })).toEqual({
      fields: ['environment'],
      environment: { added: ['AREA', 'ZONE', 'constructor'], removed: ['MODE'], changed: ['DB_PASSWORD'] },
      limits: [],
      mounts: nothing,
      ports: nothing,
      settings: [],
    })
  })

  test('finds changed limits, with both values', () => {
    const limits = { memory: 134_217_728, cpus: undefined, cpuShares: 512 }
    expect(differenceOf({ limits })).toMatchObject({
      fields: ['limits'],
      limits: ['memory: 67108864 → 134217728', 'cpus: 0.5 → none', 'cpu_shares: none → 512'],
    })
  })

  test('finds changed mounts, such as one that became read-only', () => {
    const mounts = web.mounts.map((mount) => (mount.destination === '/data' ? { ...mount, writable: false } : mount))
    expect(differenceOf({ mounts: mounts.toReversed() })).toMatchObject({
      fields: ['mounts'],
      mounts: { added: ['volume:shop-data:/data:ro'], removed: ['volume:shop-data:/data:rw'] },
    })
  })

  test('finds changed published ports', () => {
    expect(differenceOf({ publishedPorts: [{ container: '80/tcp', host: '0.0.0.0:80' }] })).toMatchObject({
      fields: ['ports'],
      ports: { added: ['0.0.0.0:80->80/tcp'], removed: ['127.0.0.1:18080->80/tcp'] },
    })
  })

  test('finds other changed settings', () => {
    const change = { restartPolicy: undefined, privileged: true, networkMode: 'host', logDriver: 'journald' }
    expect(differenceOf(change)).toMatchObject({
      fields: ['settings'],
      settings: [
        'restart_policy: always → none',
        'privileged: false → true',
        'network_mode: shop → host',
        'log_driver: json-file → journald',
      ],
    })
  })

  test('finds several differences at once', () => {
    expect(differenceOf({ imageId: 'sha256:2', mounts: [], limits: { pids: 51 } })?.fields).toEqual([
      'image',
      'limits',
      'mounts',
    ])
  })
})
