import type { Event } from '@rca/core/connector'
import type { Change } from '../../informer/object-store.ts'
import type { ConfigObject } from '../../kinds/config-object/config-object.ts'
import { namedReference } from '../../kinds/references.ts'
import { timeOrNow } from '../occurrence.ts'
import { signals } from './signals.ts'

/** Name of the object in which Helm keeps a release: `sh.helm.release.v1.shop.v12` */
const RELEASE = /^sh\.helm\.release\.v1\.(?<release>.+)\.v(?<revision>\d+)$/

/** States after Helm's work, or at the beginning of an uninstallation. */
const REPORTED_STATES = ['deployed', 'failed', 'uninstalling']

/** Returns whether Helm keeps a release in the object of this name. */
export function isHelmRelease(name: string): boolean {
  return RELEASE.test(name)
}

/** Returns the event for a change of a release, which the labels of Helm's object show. */
export function releaseEvent(change: Change<ConfigObject>, now: Date): Event | undefined {
  if (change.type === 'deleted') return undefined
  const { object } = change
  const { status } = object.labels
  const before = change.type === 'changed' ? change.old.labels.status : undefined
  const { release, revision } = RELEASE.exec(object.name)?.groups ?? {}
  if (release === undefined || status === undefined || status === before || !REPORTED_STATES.includes(status))
    return undefined
  const times = object.managers.flatMap(({ time }) => time ?? [])
  const latestAt = times.toSorted().at(-1)
  return signals.helmReleased.event({
    id: `k8s/${object.uid}/${status}`,
    at: timeOrNow(latestAt, now),
    severity: status === 'failed' ? 'error' : undefined,
    entity: namedReference('Namespace', { namespace: '', name: object.namespace }),
    body: `Helm: revision ${revision} of release ${release} in namespace ${object.namespace} is ${status}`,
    attributes: {
      'k8s.namespace.name': object.namespace,
      'k8s.helm.release': release,
      'k8s.helm.revision': revision,
      'k8s.helm.status': status,
    },
  })
}
