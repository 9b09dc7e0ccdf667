import type { Event } from '@rca/core/connector'
import type { Change } from '../../informer/object-store.ts'
import type { ConfigObject } from '../../kinds/config-object/config-object.ts'
import { namedReference } from '../../kinds/references.ts'
import { timeOrNow } from '../event-time.ts'
import { signals } from './signals.ts'

/** Name of the object in which Helm keeps a release: `sh.helm.release.v1.shop.v12` */
const RELEASE = /^sh\.helm\.release\.v1\.(?<release>.+)\.v(?<revision>\d+)$/

/** States after Helm's work, or at the beginning of an uninstallation. */
const REPORTED_STATES = ['deployed', 'failed', 'uninstalling']

/** Returns the release that an object of Helm belongs to; `undefined` for other objects. */
export function helmReleaseName({ name }: Pick<ConfigObject, 'name'>): string | undefined {
  return RELEASE.exec(name)?.groups?.release
}

/** Returns the event for a change of a release, which the labels of Helm's object show. */
export function releaseEvent(change: Change<ConfigObject>, now: Date): Event | undefined {
  if (change.type === 'deleted' || (change.type === 'added' && change.isInitial)) return undefined
  const { object } = change
  const { status } = object.labels
  const before = change.type === 'changed' ? change.old.labels.status : undefined
  const { release, revision } = RELEASE.exec(object.name)?.groups ?? {}
  if (release === undefined || status === undefined || status === before || !REPORTED_STATES.includes(status))
    return undefined
  return signals.helmReleased.event({
    id: `k8s/${object.uid}/${status}`,
    at: timeOrNow(latestTime(object), now),
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

function latestTime({ managers }: ConfigObject): string | undefined {
  return managers
    .flatMap(({ time }) => time ?? [])
    .toSorted()
    .at(-1)
}
