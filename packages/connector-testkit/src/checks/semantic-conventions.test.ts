import { expect, test } from 'vitest'
import { conventionOf } from './semantic-conventions.ts'

test.each([
  ['system.cpu.time', { unit: 's', kind: 'sum' }],
  ['container.memory.usage', { unit: 'By', kind: 'state' }],
  ['k8s.namespace.phase', { unit: '{namespace}', kind: 'state' }],
  ['http.server.request.duration', { unit: 's', kind: 'any' }],
  ['k8s.container.cpu.request', undefined],
  ['acme.queue.length', undefined],
])('%s is %j in the conventions', (name, convention) => {
  expect(conventionOf(name)).toEqual(convention)
})
