import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { followedKinds } from '../kinds/followed-kinds.ts'
import { kinds } from '../kinds/index.ts'

interface Role {
  readonly kind: string
  readonly rules?: readonly {
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly verbs: readonly string[]
  }[]
}

const FOLLOW = ['get', 'list', 'watch']

/** What is asked for besides what is followed. */
const OTHERS = {
  '/nodes/proxy': ['get'],
  '/pods/log': ['get'],
  'metrics.k8s.io/nodes': ['get', 'list'],
  'metrics.k8s.io/pods': ['get', 'list'],
  // The same objects as in the core group.
  '/events': FOLLOW,
}

/** The kinds that the chart allows only where the operator wants it, or for what is the agent's own. */
const NOT_BY_DEFAULT = ['secrets', 'leases']

test('the role allows what the agent reads, and nothing else', () => {
  const manifests = readFileSync(new URL('../../../../apps/agent/manifests/agent.yaml', import.meta.url), 'utf8')
  const roles = parseAllDocuments(manifests).map((document) => document.toJS() as Role)
  const allowed = roles
    .filter(({ kind }) => kind === 'ClusterRole')
    .flatMap(({ rules = [] }) => rules)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.map((resource) => [`${group}/${resource}`, verbs] as const)),
    )
  const followed = (Object.keys(followedKinds) as (keyof typeof followedKinds)[])
    .filter((name) => !NOT_BY_DEFAULT.includes(name))
    .map((name) => {
      const [newest] = kinds[name].versions
      const [, group = ''] = newest.split('/').toReversed()
      return [`${group}/${kinds[name].resource}`, FOLLOW] as const
    })
  expect(Object.fromEntries(allowed)).toEqual({ ...Object.fromEntries(followed), ...OTHERS })
})
