import { expect, test } from 'vitest'
import { captured } from '../../test/fixtures.ts'
import { type Manager, managersOf } from '../kinds/metadata.ts'
import { changeAuthor, changedAt, changedOtherPartsOnly, creator, newestNewManager } from './field-manager.ts'

const by = (name: string, time: string, ...parts: string[]): Manager => ({
  name,
  operation: 'Update',
  subresource: undefined,
  time,
  parts,
})
const helm = by('helm', '2026-11-25T10:00:00Z', 'metadata', 'spec')
const controller = by('kube-controller-manager', '2026-11-25T10:00:05Z', 'metadata', 'status')
const kubectl = by('kubectl-set', '2026-11-25T10:00:05Z', 'spec')

test('finds the creator of a captured object, whatever was written to its status later', () => {
  const managers = managersOf(captured('deployment'))
  expect(managers.map(({ parts }) => parts)).toEqual([['metadata', 'spec'], ['status']])
  expect(creator(managers)).toMatchObject({ name: 'kubectl-client-side-apply', operation: 'Update' })
})

test('finds the newest manager that has written since and owns the changed parts', () => {
  expect(changeAuthor([helm, controller, kubectl], [helm], ['spec'])).toBe(kubectl)
  expect(changeAuthor([helm, kubectl, controller], [helm], ['spec'])).toBe(kubectl)
  const later = { ...helm, time: '2026-11-25T10:01:00Z' }
  expect(changeAuthor([later, kubectl], [helm, kubectl], ['spec'])).toBe(later)
})

test('ignores managers of the status, of servers with and without subresources', () => {
  const status = { ...by('kubelet', '2026-11-25T10:09:00Z', 'spec'), subresource: 'status' }
  const old = by('kubelet', '2026-11-25T10:09:00Z', 'status')
  expect(newestNewManager([helm, status, old], [helm], ['spec'])).toBeUndefined()
})

test('finds an autoscaler, which writes to a subresource', () => {
  const scale = { ...by('kube-controller-manager', '2026-11-25T10:09:00Z', 'spec'), subresource: 'scale' }
  expect(changeAuthor([helm, scale], [helm], ['spec'])).toBe(scale)
})

test('accepts managers without parts', () => {
  const writer = by('kubectl', '2026-11-25T10:09:00Z')
  expect(changeAuthor([helm, writer], [helm], ['spec'])).toBe(writer)
})

test('finds the only manager at an unknown time if none is new, or none of several', () => {
  const now = new Date('2026-11-25T12:00:00Z')
  const only = changeAuthor([helm, controller], [helm, controller], ['spec'])
  expect(only?.name).toBe('helm')
  expect(changedAt(only, now)).toBe(now)
  expect(changedAt(helm, now)).toEqual(new Date('2026-11-25T10:00:00Z'))
  expect(changeAuthor([helm, kubectl], [helm, kubectl], ['spec'])).toBeUndefined()
  expect(newestNewManager([helm], [helm], ['spec'])).toBeUndefined()
  expect(changeAuthor([], [], ['spec'])).toBeUndefined()
})

test('does not name the remaining manager after another removed all its fields, as `kubectl uncordon` does', () => {
  const taints = by('kube-controller-manager', '2026-11-25T10:00:00Z', 'spec')
  expect(changeAuthor([taints], [by('kubectl', '2026-11-25T10:00:00Z', 'spec'), taints], ['spec'])).toBeUndefined()
})

test('finds that only other parts were written', () => {
  const data = by('helm', '2026-11-25T10:00:00Z', 'data', 'metadata')
  const label = by('kubectl-label', '2026-11-25T10:00:05Z', 'metadata')
  expect(changedOtherPartsOnly([data, label], [data], ['data'])).toBe(true)
  expect(changedOtherPartsOnly([data, label], [label], ['data'])).toBe(false)
  expect(changedOtherPartsOnly([data], [data], ['data'])).toBe(false)
  expect(changedOtherPartsOnly([label], [label], ['data'])).toBe(true)
  expect(changedOtherPartsOnly([], [], ['data'])).toBe(false)
  expect(changedOtherPartsOnly([by('old', '')], [], ['data'])).toBe(false)
})
