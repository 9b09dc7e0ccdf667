import { expect, test } from 'vitest'
import { KubernetesError } from '../api/errors.ts'
import { createMissingPermissions } from './missing-permissions.ts'

function refusalIn(namespace: string): KubernetesError {
  const permission = { verb: 'get', group: '', resource: 'pods/log', namespace }
  return new KubernetesError(`allow it in ${namespace}`, { status: 403, permission })
}

test('reports a missing permission per namespace until it is granted', () => {
  const refusals = createMissingPermissions()
  for (const namespace of ['shop', 'shop', 'bank']) refusals.note(refusalIn(namespace))
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

test('reports a refusal for an hour, and at most twenty one by one', () => {
  let now = 0
  const refusals = createMissingPermissions(undefined, () => now)
  refusals.note(refusalIn('old'))
  now = 3_600_001
  expect(refusals.gaps()).toEqual([])
  for (let number = 0; number < 25; number += 1) refusals.note(refusalIn(`n${number}`))
  expect(refusals.gaps()).toHaveLength(21)
  expect(refusals.gaps().at(-1)?.reason).toContain('5 more namespaces')
})

test('forgets a refusal that is over, and keeps one that lasts or cannot be checked', async () => {
  const answers: Readonly<Record<string, () => Promise<unknown>>> = {
    granted: async () => undefined,
    refused: async () => {
      throw refusalIn('refused')
    },
    unreachable: async () => {
      throw new Error('no answer')
    },
  }
  const asked: string[] = []
  const refusals = createMissingPermissions(async (resource, namespace) => {
    asked.push(`${resource} in ${namespace}`)
    await answers[namespace]?.()
  })
  for (const namespace of Object.keys(answers)) refusals.note(refusalIn(namespace))
  await refusals.recheck(new AbortController().signal)
  expect(asked).toEqual(['pods/log in granted', 'pods/log in refused', 'pods/log in unreachable'])
  expect(
    refusals
      .gaps()
      .map(({ scope }) => scope)
      .toSorted(),
  ).toEqual(['kubernetes:pods/log/refused', 'kubernetes:pods/log/unreachable'])
})
