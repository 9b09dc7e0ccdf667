import { signals } from '../../signals.ts'
import { commonAttributes, namespaceRelation } from '../describe-object.ts'
import { kindCollector } from '../kind-collector.ts'
import { namedId } from '../references.ts'

/** Every ConfigMap, by name: its data is never asked for. */
export const configMaps = kindCollector('configMaps', {
  every: '60s',
  entities: (object, isWantedLabel) => [
    signals.configMap.entity({
      id: namedId(object),
      name: object.name,
      attributes: {
        ...commonAttributes('configmap', object, isWantedLabel),
        'k8s.configmap.fingerprint': object.keyedHash,
      },
      relations: [namespaceRelation(object.namespace)],
    }),
  ],
})

/** Every Secret, by name, where the operator wants it: its data is never asked for. */
export const secrets = kindCollector('secrets', {
  every: '60s',
  entities: (object, isWantedLabel) => [
    signals.secret.entity({
      id: namedId(object),
      name: object.name,
      attributes: {
        ...commonAttributes('secret', object, isWantedLabel),
        'k8s.secret.fingerprint': object.keyedHash,
      },
      relations: [namespaceRelation(object.namespace)],
    }),
  ],
})
