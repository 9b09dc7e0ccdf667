import type { ApiResource, GroupVersion, ObjectPath, Selection } from './kubernetes-api.ts'

/** `/api/v1`, `/apis/apps/v1` */
export function groupVersionPath({ group, version }: GroupVersion): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

/** Returns the path of a collection, with its query. */
export function collectionPath(
  resource: ApiResource,
  { namespace, labelSelector, fieldSelector }: Selection,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${groupVersionPath(resource)}${within}/${resource.resource}${queryOf({ labelSelector, fieldSelector, ...query })}`
}

/** Returns the path of one object, or of a subresource. */
export function objectPath(
  resource: GroupVersion & { readonly resource: string },
  { name, namespace, subresource }: ObjectPath,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  const part = subresource === undefined ? '' : `/${subresource}`
  return `${groupVersionPath(resource)}${within}/${resource.resource}/${encodeURIComponent(name)}${part}${queryOf(query)}`
}

function queryOf(query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
