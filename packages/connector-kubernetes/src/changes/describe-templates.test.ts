import { expect, test } from 'vitest'
import { captured, fakeFingerprint } from '../../test/fixtures.ts'
import { projectTemplate } from '../kinds/workload/pod-template.ts'
import { describeTemplates } from './describe-templates.ts'

interface RawContainer {
  readonly name?: string
  readonly image?: string
  readonly [field: string]: unknown
}

/** Describes the difference of two pod specifications, whose values must not be shown. */
function described(before: object, after: object): readonly string[] {
  const [old, now] = [before, after].map((spec) => projectTemplate({ spec }, fakeFingerprint))
  if (old === undefined || now === undefined) throw new Error('nothing to compare')
  const texts = describeTemplates(old, now)
  expect(texts.join()).not.toMatch(/canary|#\d/)
  return texts
}

const app = (container: RawContainer) => ({ containers: [{ name: 'app', image: 'shop/web:1', ...container }] })
const variables = (...names: readonly string[]) => names.map((name) => ({ name, value: `canary ${name}` }))

test('describeTemplates names the decisive difference in the units of people', () => {
  expect(
    described(
      app({ resources: { limits: { memory: '128Mi' } }, env: variables('DB_HOST', 'LEVEL') }),
      app({ resources: { limits: { memory: '32Mi' } }, env: variables('LEVEL') }),
    ),
  ).toEqual(['app: memory limit 128Mi → 32Mi, variable DB_HOST removed'])
})

test.each<[string, RawContainer, RawContainer, readonly string[]]>([
  ['an image', {}, { image: 'shop/web:2' }, ['app: shop/web:1 → shop/web:2']],
  ['a new limit', {}, { resources: { limits: { cpu: '500m' } } }, ['app: CPU limit none → 500m']],
  ['a removed request', { resources: { requests: { memory: '1Gi' } } }, {}, ['app: memory request 1Gi → none']],
  [
    'an extended resource',
    { resources: { limits: { 'nvidia.com/gpu': '1' } } },
    { resources: { limits: { 'nvidia.com/gpu': '2' } } },
    ['app: nvidia.com/gpu limit 1 → 2'],
  ],
  [
    'a changed variable',
    { env: [{ name: 'A', value: '1' }] },
    { env: [{ name: 'A', value: '2' }] },
    ['app: variable A changed'],
  ],
  [
    'variables of objects',
    { envFrom: [{ secretRef: { name: 'db' } }] },
    { envFrom: [{ configMapRef: { name: 'web' } }] },
    ['app: variables from secret/db removed, variables from configMap/web added'],
  ],
  ['a command', { args: ['canary'] }, { args: ['other canary'] }, ['app: command changed']],
  [
    'a probe',
    { readinessProbe: { httpGet: { port: 80, path: '/a' }, failureThreshold: 3 } },
    { readinessProbe: { httpGet: { port: 80, path: '/b' }, failureThreshold: 1 } },
    ['app: readiness probe: http :80/a → http :80/b, readiness probe failure threshold: 3 → 1'],
  ],
])('describeTemplates describes %s', (_what, before, after, expected) => {
  expect(described(app(before), app(after))).toEqual(expected)
})

test('describeTemplates describes containers, resources and mounts of the pod', () => {
  const sidecar = { name: 'proxy', image: 'proxy:1' }
  const volumes = [{ name: 'tls', secret: { secretName: 'tls' } }]
  const resources = (memory: string) => ({ limits: { memory } })
  expect(
    described(
      { ...app({}), resources: resources('1Gi'), volumes },
      { containers: [...app({}).containers, sidecar], resources: resources('1536Mi') },
    ),
  ).toEqual(['container proxy (proxy:1) added', "the pod's memory limit 1Gi → 1.5Gi", 'mount of secret/tls removed'])
})

test('describeTemplates counts the differences that are too many to describe', () => {
  const names = Array.from({ length: 14 }, (_, index) => `V${index + 10}`)
  const [first, rest] = described(app({}), app({ env: variables(...names) }))
  expect(first).toMatch(/^app: variable V10 added, .*, variable V19 added$/)
  expect(rest).toBe('4 more differences')
})

test('describeTemplates has nothing to say about equal templates', () => {
  const { spec } = (captured('deployment') as { readonly spec: { readonly template: { readonly spec: object } } }).spec
    .template
  expect(described(spec, spec)).toEqual([])
})
