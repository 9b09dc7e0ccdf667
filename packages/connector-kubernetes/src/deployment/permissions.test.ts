import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { type KindDefinition, kinds } from '../kinds/index.ts'
import { kindPermissions } from '../kinds/permissions.ts'

interface Role {
  readonly kind: string
  readonly rules?: readonly {
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly verbs: readonly string[]
  }[]
}

const WATCH = ['list', 'watch']

describe('the permissions of the agent', () => {
  test('equal the rules of the generated ClusterRole', () => {
    const manifests = readFileSync(new URL('../../../../apps/agent/manifests/agent.yaml', import.meta.url), 'utf8')
    const roles = parseAllDocuments(manifests).map((document) => document.toJS() as Role)
    const granted = roles
      .filter(({ kind }) => kind === 'ClusterRole')
      .flatMap(({ rules = [] }) => rules)
      .flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) => resources.map((resource) => [`${group}/${resource}`, verbs] as const)),
      )
    const needed = kindPermissions()
      // Granted only with `watch_secret_names`.
      .filter(({ resource }) => resource !== 'secrets')
      .map(({ group, resource, verbs }) => [`${group}/${resource}`, verbs] as const)
    expect(Object.fromEntries(granted)).toEqual(Object.fromEntries(needed))
  })

  test('are reads only: watched kinds, and logs, kubelet summaries and metrics', () => {
    const others = kindPermissions().filter(({ verbs }) => verbs.join() !== WATCH.join())
    expect(others.map(({ group, resource, verbs }) => [`${group}/${resource}`, ...verbs].join(' ')).toSorted()).toEqual(
      [
        '/namespaces get list watch',
        '/nodes/proxy get',
        '/pods get list watch',
        '/pods/log get',
        'metrics.k8s.io/nodes list',
        'metrics.k8s.io/pods list',
      ],
    )
    const watched: readonly KindDefinition[] = Object.values(kinds).filter((kind) => 'project' in kind)
    expect(watched.every(({ verbs = WATCH }) => WATCH.every((verb) => verbs.includes(verb)))).toBe(true)
  })
})
