import { expect, test } from 'vitest'
import type { ApiResource, GroupVersion } from '../api/kubernetes-api.ts'
import { kinds } from '../kinds/index.ts'
import { groupVersionsOf, selectKinds } from './discovered-kinds.ts'

function having(resource: string, { group, version }: GroupVersion): ApiResource {
  return { group, version, resource, kind: resource, isNamespaced: true, verbs: ['list'] }
}

const core = { group: '', version: 'v1' }
const autoscaling = (version: string): GroupVersion => ({ group: 'autoscaling', version })

test('groupVersionsOf returns each group version once', () => {
  expect(groupVersionsOf([kinds.pods, kinds.nodes, kinds.cronJobs, kinds.jobs])).toEqual([
    core,
    { group: 'batch', version: 'v1' },
    { group: 'batch', version: 'v1beta1' },
  ])
  expect(groupVersionsOf(Object.values(kinds)).length).toBeGreaterThan(15)
})

test('selectKinds takes the newest version that the server has', () => {
  const resources = ['v1', 'v2beta2'].map((version) => having('horizontalpodautoscalers', autoscaling(version)))
  const { found, missing } = selectKinds(kinds, { resources, failures: [] })
  expect(found.horizontalPodAutoscalers?.version).toBe('v2beta2')
  expect(missing.map(({ name }) => name)).not.toContain('horizontalPodAutoscalers')
})

test('selectKinds requests only metadata of Secrets and ConfigMaps', () => {
  const resources = ['secrets', 'configmaps', 'pods'].map((resource) => having(resource, core))
  const { found } = selectKinds(kinds, { resources, failures: [] })
  expect(found.secrets?.isMetadataOnly).toBe(true)
  expect(found.configMaps?.isMetadataOnly).toBe(true)
  expect(found.pods?.isMetadataOnly).toBeUndefined()
})

test('selectKinds explains why a kind is missing', () => {
  const { podDisruptionBudgets, podMetrics } = kinds
  const failure = { group: 'metrics.k8s.io', version: 'v1beta1', error: new Error('it is down') }
  expect(selectKinds({ podDisruptionBudgets, podMetrics }, { resources: [], failures: [failure] }).missing).toEqual([
    { name: 'podDisruptionBudgets', reason: 'the server has no poddisruptionbudgets in policy/v1 or policy/v1beta1' },
    { name: 'podMetrics', reason: 'metrics.k8s.io/v1beta1 does not answer: it is down' },
  ])
})
