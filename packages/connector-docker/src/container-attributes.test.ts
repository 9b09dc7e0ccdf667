import { describe, expect, test } from 'vitest'
import { captured, exactEngine } from '../test/fixtures.ts'
import { composeId, composeServiceOf } from './compose.ts'
import {
  containerAttributes,
  describeMount,
  describePort,
  environmentNames,
  imageAttributes,
  volumeId,
} from './container-attributes.ts'

const engine = { type: 'docker.engine', id: 'E' }

describe('containerAttributes', () => {
  test('includes the Compose project and service, if any', () => {
    const of = captured(exactEngine)
    const web = of.container('shop-web-1')
    expect(containerAttributes(web)).toEqual({
      'container.id': web.id,
      'container.name': 'shop-web-1',
      'container.runtime': 'docker',
      'docker.compose.project': 'shop',
      'docker.compose.service': 'web',
    })
    expect(containerAttributes(of.container('plain'))).toMatchObject({
      'container.name': 'plain',
      'docker.compose.project': undefined,
      'docker.compose.service': undefined,
    })
  })

  test.each([
    [{ 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }, '1'],
    [
      {
        'com.docker.compose.project': 'shop',
        'com.docker.compose.service': 'web',
        'com.docker.compose.container-number': '3',
      },
      '3',
    ],
  ])('reads %j as number %s of the service', (labels, number) => {
    expect(composeServiceOf(labels)).toEqual({ project: 'shop', service: 'web', number })
  })

  test.each([
    [{}],
    [{ 'com.docker.compose.project': 'shop' }],
    [{ 'com.docker.compose.service': 'web' }],
    [{ 'com.docker.compose.project': '', 'com.docker.compose.service': 'web' }],
  ])('reads no service from %j', (labels) => {
    expect(composeServiceOf(labels)).toBeUndefined()
  })
})

test('composeId and volumeId are unique among engines, services and projects', () => {
  expect(volumeId(engine, 'data')).toBe('E/data')
  const ids = [
    composeId(engine, { project: 'shop' }),
    composeId(engine, { project: 'shop', service: 'web' }),
    composeId({ ...engine, id: 'F' }, { project: 'shop' }),
  ]
  expect(ids).toEqual(['E/shop', 'E/shop/web', 'F/shop'])
})

test('imageAttributes includes tags and digests when they are known', () => {
  const image = { image: 'web:1', imageId: 'sha256:a' }
  expect(imageAttributes(image)).toEqual({
    'container.image.name': 'web:1',
    'container.image.id': 'sha256:a',
    'container.image.tags': undefined,
    'container.image.repo_digests': undefined,
  })
  const details = { id: 'sha256:a', tags: ['web:1', 'web:2'], digests: ['web@sha256:b'] }
  expect(
    imageAttributes(image, {
      ...details,
      created: undefined,
      size: 1,
      architecture: undefined,
      os: undefined,
      labels: {},
    }),
  ).toMatchObject({
    'container.image.tags': ['web:1', 'web:2'],
    'container.image.repo_digests': ['web@sha256:b'],
  })
})

test('environmentNames returns sorted names without duplicates and values', () => {
  const environment = ['PATH=/bin', 'B=canary-1', 'A=canary-2=canary-3', 'B=canary-4', 'ALONE', '=canary-5', '']
  expect(environmentNames(environment)).toEqual(['A', 'ALONE', 'B', 'PATH'])
})

test('describePort and describeMount use the format of the Docker CLI', () => {
  expect(describePort({ container: '80/tcp', host: '0.0.0.0:8080' })).toBe('0.0.0.0:8080->80/tcp')
  expect(describePort({ container: '80/tcp', host: undefined })).toBe('80/tcp')
  const mount = { type: 'volume', name: 'data', source: '/var/lib/data', destination: '/data', writable: true }
  expect(describeMount(mount)).toBe('volume:data:/data:rw')
  expect(describeMount({ ...mount, type: 'bind', name: undefined, writable: false })).toBe(
    'bind:/var/lib/data:/data:ro',
  )
  expect(describeMount({ ...mount, type: 'tmpfs', name: undefined, source: undefined })).toBe('tmpfs::/data:rw')
})
