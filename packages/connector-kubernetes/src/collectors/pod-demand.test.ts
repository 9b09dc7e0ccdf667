import { expect, test } from 'vitest'
import { withChange } from '../../test/changed-object.ts'
import { captured, NEWER } from '../../test/fixtures.ts'
import { projectPod } from '../resources/pod.ts'
import { demandOf } from './pod-demand.ts'

const MIB = 2 ** 20
const resized = captured('pod', NEWER)
const PENDING = ['status', 'conditions', 0]
const APP = ['status', 'containerStatuses', 0]

test('a sidecar counts beside the others, an init container does not, and a resize that waits is kept for', () => {
  expect(demandOf(projectPod(resized))).toEqual({
    requests: { cpu: 0.2 + 0.8, memory: (64 + 512) * MIB },
    limits: { memory: (64 + 512) * MIB },
  })
})

test('an init container is left out, whatever it asks for', () => {
  const large = withChange(resized, ['spec', 'initContainers', 0, 'resources'], { requests: { cpu: '3' } })
  expect(demandOf(projectPod(large)).requests.cpu).toBeCloseTo(0.2 + 0.8)
})

test('what is given back counts until it is', () => {
  const wanted = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '128Mi' } }
  const smaller = withChange(resized, ['spec', 'containers', 0, 'resources'], wanted)
  const agreed = withChange(smaller, [...APP, 'allocatedResources'], { cpu: '100m', memory: '128Mi' })
  for (const pod of [smaller, agreed])
    expect(demandOf(projectPod(pod))).toEqual({
      requests: { cpu: 0.2 + 0.5, memory: (64 + 256) * MIB },
      limits: { memory: (64 + 256) * MIB },
    })
})

test('a resize that no node can do is not kept for, but what was agreed to is', () => {
  const infeasible = withChange(resized, [...PENDING, 'reason'], 'Infeasible')
  expect(demandOf(projectPod(infeasible)).requests).toEqual({ cpu: 0.2 + 0.5, memory: (64 + 256) * MIB })
  const agreed = withChange(infeasible, [...APP, 'allocatedResources', 'cpu'], '600m')
  expect(demandOf(projectPod(agreed)).requests.cpu).toBeCloseTo(0.2 + 0.6)
  const over = withChange(infeasible, [...PENDING, 'status'], 'False')
  expect(demandOf(projectPod(over)).requests.cpu).toBeCloseTo(0.2 + 0.8)
})

test('what a pod asks for as a whole stands in place of the sum, each resource for itself', () => {
  const evicted = captured('pod-evicted', NEWER)
  expect(demandOf(projectPod(evicted))).toEqual({
    requests: { cpu: 1, memory: 2048 * MIB },
    limits: { cpu: 2, memory: 2048 * MIB },
  })
  const withoutCpu = withChange(evicted, ['spec', 'resources', 'requests', 'cpu'], undefined)
  expect(demandOf(projectPod(withoutCpu)).requests).toEqual({ cpu: 0.25, memory: 2048 * MIB })
})
