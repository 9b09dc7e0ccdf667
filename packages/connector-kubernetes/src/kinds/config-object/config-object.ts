import { entity } from '@rca/core/connector'
import type { KeyedHash } from '../../informer/object-store.ts'
import { commonAttributes, namespaced, namespaceRelation, ownedByNamespace } from '../common-signals.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'
import { namedId } from '../references.ts'

/** A ConfigMap or Secret: only its metadata. The agent never requests the data. */
export interface ConfigObject extends Metadata {
  /** Keyed hash of the version: a different hash means that the object was written. */
  readonly keyedHash: string
  readonly managers: readonly Manager[]
}

export function projectConfigObject(raw: unknown, keyedHash: KeyedHash): ConfigObject {
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    keyedHash: keyedHash(`${metadata.uid}/${metadata.resourceVersion}`),
    managers: managersOf(raw),
  }
}

const FINGERPRINT =
  'Keyed hash of the version: it changes when the object is written, or when the agent gets another token.'

export const configMapSignals = {
  configMap: entity({
    type: 'k8s.configmap',
    description: 'A ConfigMap, without its data.',
    attributes: { ...namespaced('configmap'), 'k8s.configmap.fingerprint': FINGERPRINT },
    relations: ownedByNamespace,
  }),
}

export const secretSignals = {
  secret: entity({
    type: 'k8s.secret',
    description: 'A Secret, without its data. Only with `watch_secret_names`.',
    attributes: { ...namespaced('secret'), 'k8s.secret.fingerprint': FINGERPRINT },
    relations: ownedByNamespace,
  }),
}

export const configMaps = kindCollector('configMaps', {
  type: configMapSignals.configMap.type,
  interval: '60s',
  entity: (object: ConfigObject, allowsLabel) =>
    configMapSignals.configMap.entity({
      id: namedId(object),
      name: object.name,
      attributes: {
        ...commonAttributes('configmap', object, allowsLabel),
        'k8s.configmap.fingerprint': object.keyedHash,
      },
      relations: [namespaceRelation(object.namespace)],
    }),
})

export const secrets = kindCollector('secrets', {
  type: secretSignals.secret.type,
  interval: '60s',
  entity: (object: ConfigObject, allowsLabel) =>
    secretSignals.secret.entity({
      id: namedId(object),
      name: object.name,
      attributes: { ...commonAttributes('secret', object, allowsLabel), 'k8s.secret.fingerprint': object.keyedHash },
      relations: [namespaceRelation(object.namespace)],
    }),
})
