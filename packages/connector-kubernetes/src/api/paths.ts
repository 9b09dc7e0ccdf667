import type { ApiResource, GroupVersion, ObjectPath } from './kubernetes-api.ts'

type Query = Readonly<Record<string, string | undefined>>
type Collection = Pick<ApiResource, 'group' | 'version' | 'resource'>

/** `/api/v1`, `/apis/apps/v1` */
export function groupVersionPath({ group, version }: GroupVersion): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

/** Returns the path of a collection, with its query. */
export function collectionPath(
  collection: Collection,
  { namespace }: Pick<ObjectPath, 'namespace'>,
  query: Query = {},
): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${groupVersionPath(collection)}${within}/${collection.resource}${queryOf(query)}`
}

/** Returns the path of one object, or of a subresource. */
export function objectPath(
  collection: Collection,
  { name, namespace, subresource }: ObjectPath,
  query: Query = {},
): string {
  const part = subresource === undefined ? '' : `/${subresource}`
  return `${collectionPath(collection, { namespace })}/${encodeURIComponent(name)}${part}${queryOf(query)}`
}

function queryOf(query: Query): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
