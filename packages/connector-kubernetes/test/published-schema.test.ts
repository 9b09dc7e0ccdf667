import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withChange } from './changed-object.ts'
import { captured, NEWER as folder } from './fixtures.ts'
import { publishedTypeOf, publishedVersion, schemaFaults } from './published-schema.ts'

const names = readdirSync(join(import.meta.dirname, 'fixtures', folder)).map((file) => file.replace('.json', ''))
const typeOf = (name: string): string =>
  name === 'stats-summary' ? 'Summary' : publishedTypeOf(captured(name, folder))

test('the fixtures are of the version whose OpenAPI the client library was made from', () => {
  expect(publishedVersion()).toBe('v1.34.0')
  expect(names.length).toBeGreaterThan(20)
})

test.each(names)('%s has nothing that the published API lacks, and all that it must have', (name) => {
  expect(schemaFaults(captured(name, folder), typeOf(name))).toEqual([])
})

/** What is wrong with a fixture in which one thing is another. */
function faultsWith(name: string, path: readonly (string | number)[], value: unknown): readonly string[] {
  return schemaFaults(withChange(captured(name, folder), path, value), typeOf(name), 'it')
}

test('what is not as published is found, however deep', () => {
  const status = ['status', 'containerStatuses', 0] as const
  expect(faultsWith('pod', [...status, 'resized'], true)).toEqual([
    'it.status.containerStatuses[0].resized does not exist',
  ])
  expect(faultsWith('pod', [...status, 'ready'], 'yes')).toEqual(['it.status.containerStatuses[0].ready is no boolean'])
  expect(faultsWith('pod', [...status, 'imageID'], undefined)).toEqual([
    'it.status.containerStatuses[0].imageID is missing',
  ])
  expect(faultsWith('pod', [...status, 'resources', 'requests', 'cpu'], 1)).toEqual([
    'it.status.containerStatuses[0].resources.requests.cpu is no string',
  ])
  expect(faultsWith('pod', ['status', 'conditions'], {})).toEqual(['it.status.conditions is no list'])
  expect(faultsWith('pod', ['metadata', 'labels'], [])).toEqual(['it.metadata.labels is no map'])
  expect(faultsWith('pod', ['spec'], 'none')).toEqual(['it.spec is no V1PodSpec'])
  expect(faultsWith('lease', ['spec', 'renewTime'], '2026-11-24T10:00:00Z')).toEqual([
    'it.spec.renewTime is no V1MicroTime',
  ])
  expect(faultsWith('pod', ['status', 'startTime'], 'today')).toEqual(['it.status.startTime is no Date'])
  expect(faultsWith('disruption-budget', ['spec', 'minAvailable'], 0.5)).toEqual([
    'it.spec.minAvailable is no IntOrString',
  ])
  expect(faultsWith('stats-summary', ['node', 'io', 'psi', 'some', 'avg10'], undefined)).toEqual([
    'it.node.io.psi.some.avg10 is missing',
  ])
  expect(faultsWith('pod-metrics', ['containers', 0, 'usage', 'cpu'], 7)).toHaveLength(1)
})

test('a kind or a version that no server has is no type', () => {
  expect(() => publishedTypeOf({ apiVersion: 'autoscaling/v3', kind: 'HorizontalPodAutoscaler' })).toThrow(
    'autoscaling/v3',
  )
  expect(schemaFaults({}, publishedTypeOf({ apiVersion: 'v1', kind: 'Invented' }))).toEqual([
    'V1Invented: there is no type V1Invented',
  ])
})
