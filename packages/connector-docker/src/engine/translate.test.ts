import { describe, expect, test } from 'vitest'
import { damaged, numbersIn } from '../../test/damaged-answers.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { toDiskUsage, toImage, toInfo, toNetwork, toSummary, toVolume } from './translate.ts'

const exact = captured(exactEngine)
const list = (answer: unknown): unknown[] => answer as unknown[]

describe.each(engineNames)('answers of %s', (name) => {
  const of = captured(name)

  test('toInfo identifies the engine', () => {
    expect(of.info).toMatchObject({
      id: expect.stringMatching(/./),
      name: expect.stringMatching(/./),
      version: expect.stringMatching(/^\d+\./),
      apiVersion: expect.stringMatching(/^1\.\d+$/),
      osType: 'linux',
      cgroupVersion: expect.stringMatching(/^[12]$/),
      cpus: 2,
      memory: expect.any(Number),
      images: 1,
      containersByState: { paused: 1 },
    })
  })

  test('toSummary matches the inspected containers', () => {
    const rows = list(of.json('containers.json')).map(toSummary)
    expect(rows.map(({ id }) => id).toSorted()).toEqual(
      of
        .containers()
        .map(({ id }) => id)
        .toSorted(),
    )
    const states = new Map(rows.map(({ id, state }) => [id, state]))
    for (const container of ['shop-web-1', 'paused', 'created', 'crashed'])
      expect(states.get(of.container(container).id)).toBe(of.container(container).state.status)
  })

  test('toImage matches the image of the containers, in a list and alone', () => {
    const image = toImage(of.json('image.json'))
    expect(image).toMatchObject({
      id: of.container('plain').imageId,
      tags: [expect.stringContaining('busybox:local')],
      created: expect.stringMatching(/^2026-11-24T/),
      size: expect.any(Number),
      architecture: 'amd64',
      os: 'linux',
    })
    const row = list(of.json('images.json'))
      .map(toImage)
      .find(({ id }) => id === image.id)
    expect(row?.tags).toEqual(image.tags)
    expect(Math.floor(Date.parse(row?.created ?? '') / 1000)).toBe(Math.floor(Date.parse(image.created ?? '') / 1000))
  })

  test('toNetwork and toVolume match the networks and volumes', () => {
    const networks = list(of.json('networks.json')).map(toNetwork)
    expect(networks).toContainEqual({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      name: 'shop',
      driver: 'bridge',
      scope: 'local',
      internal: false,
      subnets: [expect.stringMatching(/^[\d.]+\/\d+$/)],
    })
    const { Volumes: volumes } = of.json('volumes.json') as { Volumes: unknown[] }
    expect(volumes.map(toVolume)).toContainEqual({
      name: 'shop-data',
      driver: 'local',
      created: expect.stringMatching(/^2026-11-24T/),
    })
  })

  test('toDiskUsage returns sizes', () => {
    const used = toDiskUsage(of.json('df.json'))
    // Size of the data that the container wrote into its volume.
    expect(used.volumes).toBe(4_194_304)
    for (const bytes of Object.values(used)) expect(bytes ?? 0).toBeGreaterThanOrEqual(0)
  })
})

test('answers of one engine are translated exactly', () => {
  expect(exact.info).toEqual({
    id: 'JZDP:RAR5:X2EW:VHJE:YLEM:Z4O5:ALXD:DV33:WNLR:T2KJ:TKUQ:DWC5',
    name: 'vm',
    isPodman: false,
    version: '20.10.24+dfsg1',
    apiVersion: '1.41',
    operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
    osType: 'linux',
    architecture: 'x86_64',
    kernelVersion: '6.18.44-fc-v657',
    storageDriver: 'overlay2',
    cgroupVersion: '1',
    liveRestore: false,
    cpus: 2,
    memory: 25_276_510_208,
    containersByState: { running: 5, paused: 1, stopped: 4 },
    images: 1,
    systemTime: '2026-11-24T23:21:59.042139039Z',
  })
  expect(toDiskUsage(exact.json('df.json'))).toEqual({
    images: 1_984_132,
    containers: 0,
    volumes: 4_194_304,
    // The engine wrote null.
    buildCache: undefined,
  })
})

describe('damaged answers: the rest is parsed, without invented numbers', () => {
  const version = exact.json('version.json')
  const { Volumes: volumes } = exact.json('volumes.json') as { Volumes: unknown[] }
  const translations: [string, unknown, (answer: unknown) => unknown, RegExp][] = [
    ['the engine', exact.json('info.json'), (answer) => toInfo(answer, version), /^$/],
    ['a row', list(exact.json('containers.json'))[0], toSummary, /^Id /],
    ['an image', exact.json('image.json'), toImage, /^Id /],
    ['a network', list(exact.json('networks.json'))[1], toNetwork, /^Id /],
    ['a volume', volumes[0], toVolume, /^Name /],
  ]

  test.each(translations)('parses %s', (_what, answer, translate, needed) => {
    const numbers = numbersIn(translate(answer))
    for (const { name, answer: broken } of damaged(answer).filter(({ name }) => !needed.test(name)))
      for (const [path, value] of numbersIn(translate(broken)))
        expect(value, `${path} where ${name}`).toBe(numbers.get(path))
  })

  test('identifiers are required', () => {
    for (const none of [{}, null, [], 'a text', { Id: 7, Name: 7 }])
      for (const translate of [toSummary, toImage, toNetwork, toVolume]) expect(() => translate(none)).toThrow()
  })
})

describe('toInfo', () => {
  test('uses the host name when the id is missing', () => {
    expect(toInfo({ Name: 'web-1' }, {})).toMatchObject({ id: 'web-1', name: 'web-1', version: '', apiVersion: '' })
    expect(toInfo({ ID: 'A:B' }, { ApiVersion: '1.41' })).toMatchObject({ id: 'A:B', name: 'A:B', apiVersion: '1.41' })
    expect(toInfo({ ID: 'A:B' }, {})).toMatchObject({ containersByState: {}, images: undefined, cpus: undefined })
  })

  test.each([[{}], [{ message: 'page not found' }], [null], ['<html></html>'], [[]]])('rejects %j', (answer) => {
    expect(() => toInfo(answer, {})).toThrow()
  })
})

test('toImage returns no tags for an unnamed image', () => {
  const image = toImage({ Id: 'sha256:a', RepoTags: ['<none>:<none>'], RepoDigests: ['web@<none>', 'web@sha256:b'] })
  expect(image).toMatchObject({ tags: [], digests: ['web@sha256:b'], created: undefined, size: undefined })
  expect(toImage({ Id: 'sha256:a', Created: '0001-01-01T00:00:00Z' }).created).toBeUndefined()
  expect(toImage({ Id: 'sha256:a', Created: 1_795_562_510 }).created).toBe('2026-11-24T23:21:50.000Z')
})

describe('toDiskUsage', () => {
  test('sums known sizes, and counts shared layers once', () => {
    expect(
      toDiskUsage({
        LayersSize: 100,
        Containers: [{ SizeRw: 5 }, {}, { SizeRw: 6 }],
        Volumes: [{ UsageData: { Size: 7 } }, { UsageData: { Size: -1 } }, { UsageData: null }, {}],
        BuildCache: [{ Size: 10, Shared: false }, { Size: 20, Shared: true }, { Size: 30 }],
      }),
    ).toEqual({ images: 100, containers: 11, volumes: 7, buildCache: 40 })
  })

  test('returns undefined, not 0, for an unknown size', () => {
    const usage = toDiskUsage({ LayersSize: 100, Containers: null, Volumes: 'odd' })
    expect(Object.values(usage)).toEqual([100, undefined, undefined, undefined])
  })

  test.each([[{}], [{ LayersSize: null, Containers: null, Volumes: null, BuildCache: null }], [{ Volumes: 'odd' }]])(
    'rejects %j, which has no size',
    (answer) => {
      expect(() => toDiskUsage(answer)).toThrow('the answer has no disk usage')
    },
  )
})
