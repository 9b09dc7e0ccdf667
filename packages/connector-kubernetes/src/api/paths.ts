import type { ApiResource, GroupVersion, ObjectPath } from './kubernetes-api.ts'

type Query = Readonly<Record<string, string | undefined>>
type Collection = Pick<ApiResource, 'group' | 'version' | 'resource'>

/** `/api/v1`, `/apis/apps/v1` */
export function groupVersionPath({ group, version }: GroupVersion): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

/** Returns the path of a collection, with its query. */
export function collectionPath(collection: Collection, namespace: string | undefined, query: Query = {}): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${groupVersionPath(collection)}${within}/${collection.resource}${queryOf(query)}`
}

/** Returns the path of one object, or of a subresource. */
export function objectPath(collection: Collection, object: ObjectPath, query: Query = {}): string {
  const subresource = object.subresource === undefined ? '' : `/${object.subresource}`
  const name = encodeURIComponent(object.name)
  return `${collectionPath(collection, object.namespace)}/${name}${subresource}${queryOf(query)}`
}

function queryOf(query: Query): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
