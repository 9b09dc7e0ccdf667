import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withChange } from './changed-object.ts'
import { captured, NEWER as folder } from './fixtures.ts'
import { publishedTypeOf, publishedVersion, schemaFaults } from './published-schema.ts'

const names = readdirSync(join(import.meta.dirname, 'fixtures', folder)).map((file) => file.replace('.json', ''))
const typeOf = (name: string): string =>
  name === 'stats-summary' ? 'Summary' : publishedTypeOf(captured(name, folder))

test('the fixtures have the version of the client library’s OpenAPI', () => {
  expect(publishedVersion()).toBe('v1.34.0')
  expect(names.length).toBeGreaterThan(20)
})

test.each(names)('%s matches the published API', (name) => {
  expect(schemaFaults(captured(name, folder), typeOf(name))).toEqual([])
})

/** Returns the deviations of a fixture with one changed value. */
function faultsWith(name: string, path: readonly (string | number)[], value: unknown): readonly string[] {
  return schemaFaults(withChange(captured(name, folder), path, value), typeOf(name), 'it')
}

test('schemaFaults finds deviations at any depth', () => {
  const status = ['status', 'containerStatuses', 0] as const
  expect(faultsWith('pod', [...status, 'resized'], true)).toEqual([
    'it.status.containerStatuses[0].resized does not exist',
  ])
  expect(faultsWith('pod', [...status, 'ready'], 'yes')).toEqual([
    'it.status.containerStatuses[0].ready is not a boolean',
  ])
  expect(faultsWith('pod', [...status, 'imageID'], undefined)).toEqual([
    'it.status.containerStatuses[0].imageID is missing',
  ])
  expect(faultsWith('pod', [...status, 'resources', 'requests', 'cpu'], 1)).toEqual([
    'it.status.containerStatuses[0].resources.requests.cpu is not a string',
  ])
  expect(faultsWith('pod', ['status', 'conditions'], {})).toEqual(['it.status.conditions is not a list'])
  expect(faultsWith('pod', ['metadata', 'labels'], [])).toEqual(['it.metadata.labels is not a map'])
  expect(faultsWith('pod', ['spec'], 'none')).toEqual(['it.spec is not a V1PodSpec'])
  expect(faultsWith('lease', ['spec', 'renewTime'], '2026-11-24T10:00:00Z')).toEqual([
    'it.spec.renewTime is not a V1MicroTime',
  ])
  expect(faultsWith('pod', ['status', 'startTime'], 'today')).toEqual(['it.status.startTime is not a Date'])
  expect(faultsWith('disruption-budget', ['spec', 'minAvailable'], 0.5)).toEqual([
    'it.spec.minAvailable is not a IntOrString',
  ])
  expect(faultsWith('stats-summary', ['node', 'io', 'psi', 'some', 'avg10'], undefined)).toEqual([
    'it.node.io.psi.some.avg10 is missing',
  ])
  expect(faultsWith('pod-metrics', ['containers', 0, 'usage', 'cpu'], 7)).toHaveLength(1)
})

test('publishedTypeOf rejects unknown versions, and schemaFaults unknown kinds', () => {
  expect(() => publishedTypeOf({ apiVersion: 'autoscaling/v3', kind: 'HorizontalPodAutoscaler' })).toThrow(
    'autoscaling/v3',
  )
  expect(schemaFaults({}, publishedTypeOf({ apiVersion: 'v1', kind: 'Invented' }))).toEqual([
    'V1Invented: there is no type V1Invented',
  ])
})
