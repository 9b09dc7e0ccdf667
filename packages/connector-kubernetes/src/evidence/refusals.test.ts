import { expect, test } from 'vitest'
import { KubernetesError } from '../api/kubernetes-error.ts'
import { createRefusals } from './refusals.ts'

test('a permission that is missing is a gap until it is there, each namespace for itself', () => {
  const refusals = createRefusals()
  const refuse = (namespace: string): void => {
    const permission = { verb: 'get', group: '', resource: 'pods/log', namespace }
    refusals.note(new KubernetesError(`allow it in ${namespace}`, { status: 403, permission }))
  }
  refuse('shop')
  refuse('shop')
  refuse('bank')
  refusals.note(new KubernetesError('busy', { status: 429 }))
  refusals.note(new Error('it broke'))
  expect(refusals.gaps()).toEqual([
    { scope: 'kubernetes:pods/log/shop', reason: 'allow it in shop' },
    { scope: 'kubernetes:pods/log/bank', reason: 'allow it in bank' },
  ])
  refusals.allow('pods', 'shop')
  refusals.allow('pods/log', 'shop')
  expect(refusals.gaps()).toEqual([{ scope: 'kubernetes:pods/log/bank', reason: 'allow it in bank' }])
})
