import { describe, expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured, fakeFingerprint } from '../../../test/fixtures.ts'
import { projectReplicaSet } from './replica-set.ts'

describe('projectReplicaSet', () => {
  const template = (captured('deployment').spec as { readonly template: object }).template
  const replicaSet = (kind: string, apiVersion: string, annotations: object, ofPods: object = template) => ({
    metadata: {
      name: 'web-1',
      uid: 'r',
      ownerReferences: [{ kind: 'Other' }, { kind, apiVersion, name: 'web', uid: 'd', controller: true }],
      annotations,
    },
    spec: { replicas: 0, template: ofPods },
    status: {},
  })
  const ofRollout = (annotations: object, ofPods?: object) =>
    projectReplicaSet(replicaSet('Rollout', 'argoproj.io/v1alpha1', annotations, ofPods), fakeFingerprint)

  test('keeps the revision of a Deployment, and no template, since the Deployment has it', () => {
    const annotations = { 'deployment.kubernetes.io/revision': '4', 'rollout.argoproj.io/revision': '9' }
    expect(projectReplicaSet(replicaSet('Deployment', 'apps/v1', annotations), fakeFingerprint)).toMatchObject({
      owner: { kind: 'Deployment', name: 'web', uid: 'd' },
      desired: 0,
      revision: '4',
      ownerRevision: undefined,
    })
  })

  test('keeps the template for an owner that is not cached, if it counts revisions', () => {
    const annotations = {
      'deployment.kubernetes.io/revision': '4',
      'rollout.argoproj.io/revision': '9',
      'meta.helm.sh/release-name': 'shop',
    }
    expect(ofRollout(annotations)).toMatchObject({
      revision: '9',
      ownerRevision: {
        owner: { kind: 'Rollout', name: 'web' },
        number: 9,
        template: { containers: [{ image: 'shop/prepare:1' }, { image: 'shop/web:1.7.0' }] },
        helm: { name: 'shop' },
      },
    })
    // All ReplicaSets of an experiment are desired at once.
    expect(ofRollout({})).toMatchObject({ revision: undefined, ownerRevision: undefined })
    expect(ofRollout({ 'rollout.argoproj.io/revision': 'new' }).ownerRevision).toBeUndefined()
    const other = replicaSet('Deployment', 'apps.example.test/v1', annotations)
    expect(projectReplicaSet(other, fakeFingerprint)).toMatchObject({
      ownerRevision: { owner: { kind: 'Deployment.apps.example.test' } },
    })
  })

  test('removes from the template what the controller adds', () => {
    const own = {
      labels: { 'pod-template-hash': 'a', 'rollouts-pod-template-hash': 'a', role: 'canary', app: 'web' },
      annotations: { 'canary-of': 'web', note: 'canary' },
    }
    const revisionOf = (ephemeral: string) =>
      ofRollout(
        { 'rollout.argoproj.io/revision': '2', 'rollout.argoproj.io/ephemeral-metadata': ephemeral },
        { ...template, metadata: own },
      ).ownerRevision?.template
    const written = revisionOf('{"labels":{"role":"canary"},"annotations":{"canary-of":"web"}}')
    expect(written?.labels).toEqual({ app: 'web' })
    expect(Object.keys(written?.annotations ?? {})).toEqual(['note'])
    for (const unreadable of ['{', '7', 'null', '{"labels":7}'])
      expect(revisionOf(unreadable)?.labels).toEqual({ app: 'web', role: 'canary' })
  })

  test('interns the common parts of templates', () => {
    const [one, other] = [1, 2].map((revision) => {
      const image = ['spec', 'containers', 0, 'image']
      const ofPods = withChange(template, image, `shop/web:${revision}`)
      return ofRollout({ 'rollout.argoproj.io/revision': `${revision}` }, ofPods).ownerRevision?.template
    })
    expect(one?.containers[1]?.image).not.toBe(other?.containers[1]?.image)
    for (const part of ['environment', 'environmentFrom', 'environmentKeysFrom', 'probes', 'resources'] as const)
      expect(one?.containers[1]?.[part]).toBe(other?.containers[1]?.[part])
    for (const part of ['labels', 'annotations', 'mounts'] as const) expect(one?.[part]).toBe(other?.[part])
  })
})
