import { describe, expect, test } from 'vitest'
import { type ContainerChange, changed } from '../../test/engine-events.ts'
import { captured } from '../../test/fixtures.ts'
import { compareShapes, type Difference } from './compare-specs.ts'
import { shapeOf } from './container-spec.ts'

const web = captured().container('shop-web-1')
const nothing = { added: [], removed: [] }

/** What differs when a container is changed so. */
function differenceOf(change: ContainerChange): Difference | undefined {
  const shape = (container: typeof web) => shapeOf(container, (text) => `keyedHash of ${text}`)
  return compareShapes(shape(web), shape(changed(web, change)))
}

describe('what differs between two containers', () => {
  test('is nothing, where another one was set up alike', () => {
    expect(
      differenceOf({ id: 'another', name: 'renamed', created: '2027-01-01T00:00:00Z', restartCount: 5 }),
    ).toBeUndefined()
  })

  test.each([
    ['another tag', { image: 'busybox:2', imageId: 'sha256:2' }],
    ['another image under the same tag', { imageId: 'sha256:2' }],
    ['another tag of the same image', { image: 'busybox:latest' }],
  ])('is the image: %s', (_name, change) => {
    expect(differenceOf(change)?.fields).toEqual(['image'])
  })

  test('is the command', () => {
    expect(differenceOf({ command: ['sh', '-c', 'other'] })?.fields).toEqual(['command'])
  })

  test('are variables that came, went or have another value', () => {
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

  test('are limits, each from what to what', () => {
    const limits = { memory: 134_217_728, cpus: undefined, cpuShares: 512 }
    expect(differenceOf({ limits })).toMatchObject({
      fields: ['limits'],
      limits: ['memory: 67108864 → 134217728', 'cpus: 0.5 → none', 'cpu_shares: none → 512'],
    })
  })

  test('are mounts: one that cannot be written to any more is another one', () => {
    const mounts = web.mounts.map((mount) => (mount.destination === '/data' ? { ...mount, writable: false } : mount))
    expect(differenceOf({ mounts: mounts.toReversed() })).toMatchObject({
      fields: ['mounts'],
      mounts: { added: ['volume:shop-data:/data:ro'], removed: ['volume:shop-data:/data:rw'] },
    })
  })

  test('are published ports', () => {
    expect(differenceOf({ publishedPorts: [{ container: '80/tcp', host: '0.0.0.0:80' }] })).toMatchObject({
      fields: ['ports'],
      ports: { added: ['0.0.0.0:80->80/tcp'], removed: ['127.0.0.1:18080->80/tcp'] },
    })
  })

  test('are other settings', () => {
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

  test('are several at once', () => {
    expect(differenceOf({ imageId: 'sha256:2', mounts: [], limits: { pids: 51 } })?.fields).toEqual([
      'image',
      'limits',
      'mounts',
    ])
  })
})
