import { expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured, NEWER } from '../../../test/fixtures.ts'
import { demandOf } from './pod-demand.ts'
import { projectPod } from './pod-projection.ts'

const MIB = 2 ** 20
const resized = captured('pod', NEWER)
const PENDING = ['status', 'conditions', 0]
const APP = ['status', 'containerStatuses', 0]

test('demandOf sums containers and sidecars, with a pending resize', () => {
  expect(demandOf(projectPod(resized))).toEqual({
    requests: { cpu: 0.2 + 0.8, memory: (64 + 512) * MIB },
    limits: { memory: (64 + 512) * MIB },
  })
})

test('demandOf counts an init container with the sidecars before it if they need more', () => {
  const init = (name: string, cpu: string, restartPolicy?: string): object => {
    return { name, resources: { requests: { cpu }, limits: { cpu } }, restartPolicy }
  }
  const demand = (...initContainers: object[]) => {
    const pod = withChange(resized, ['spec', 'initContainers'], initContainers)
    const { requests, limits } = demandOf(projectPod(pod))
    return [requests.cpu, limits.cpu]
  }
  expect(demand(init('small', '700m'))).toEqual([0.8, 0.7])
  expect(demand(init('large', '3'), init('small', '1'))).toEqual([3, 3])
  expect(demand(init('first', '3'), init('proxy', '500m', 'Always'))).toEqual([3, 3])
  expect(demand(init('proxy', '500m', 'Always'), init('second', '3'))).toEqual([3.5, 3.5])
})

test('demandOf adds the overhead of the runtime class, to limits only if there are any', () => {
  const sandboxed = withChange(resized, ['spec', 'overhead'], { cpu: '250m', memory: '100Mi' })
  expect(demandOf(projectPod(sandboxed))).toEqual({
    requests: { cpu: 0.2 + 0.8 + 0.25, memory: (64 + 512 + 100) * MIB },
    limits: { memory: (64 + 512 + 100) * MIB },
  })
})

test('demandOf counts the current requests until a smaller size is applied', () => {
  const wanted = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '128Mi' } }
  const smaller = withChange(resized, ['spec', 'containers', 0, 'resources'], wanted)
  const agreed = withChange(smaller, [...APP, 'allocatedResources'], { cpu: '100m', memory: '128Mi' })
  for (const pod of [smaller, agreed])
    expect(demandOf(projectPod(pod))).toEqual({
      requests: { cpu: 0.2 + 0.5, memory: (64 + 256) * MIB },
      limits: { memory: (64 + 256) * MIB },
    })
})

test('demandOf ignores an infeasible resize, but counts accepted requests', () => {
  const infeasible = withChange(resized, [...PENDING, 'reason'], 'Infeasible')
  expect(demandOf(projectPod(infeasible)).requests).toEqual({ cpu: 0.2 + 0.5, memory: (64 + 256) * MIB })
  const agreed = withChange(infeasible, [...APP, 'allocatedResources', 'cpu'], '600m')
  expect(demandOf(projectPod(agreed)).requests.cpu).toBeCloseTo(0.2 + 0.6)
  const over = withChange(infeasible, [...PENDING, 'status'], 'False')
  expect(demandOf(projectPod(over)).requests.cpu).toBeCloseTo(0.2 + 0.8)
})

test('demandOf ignores the requests and limits of a resize that a server before 1.33 calls infeasible', () => {
  const wanted = { requests: { cpu: '50', memory: '256Mi' }, limits: { memory: '9Gi' } }
  const before133 = [
    [['spec', 'containers', 0, 'resources'], wanted],
    [['status', 'conditions'], []],
    [['status', 'resize'], 'Infeasible'],
  ] as const
  const pod = before133.reduce((object, [path, value]) => withChange(object, path, value), resized)
  expect(demandOf(projectPod(pod))).toEqual({
    requests: { cpu: 0.2 + 0.5, memory: (64 + 256) * MIB },
    limits: { memory: (64 + 256) * MIB },
  })
  const deferred = withChange(pod, ['status', 'resize'], 'Deferred')
  expect(demandOf(projectPod(deferred)).requests.cpu).toBeCloseTo(0.2 + 50)
})

test('demandOf replaces the sum with pod-level resources, each by itself', () => {
  const evicted = captured('pod-evicted', NEWER)
  expect(demandOf(projectPod(evicted))).toEqual({
    requests: { cpu: 1, memory: 2048 * MIB },
    limits: { cpu: 2, memory: 2048 * MIB },
  })
  const withoutCpu = withChange(evicted, ['spec', 'resources', 'requests', 'cpu'], undefined)
  expect(demandOf(projectPod(withoutCpu)).requests).toEqual({ cpu: 0.25, memory: 2048 * MIB })
})
