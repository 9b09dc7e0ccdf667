import type { KindPermission } from '../packages/connector-kubernetes/src/kinds/permissions.ts'

/** Permissions of the chart's role for the Lease, which is not a kind. */
const LEASE = ['get leases.coordination.k8s.io', 'update leases.coordination.k8s.io']

/**
 * Returns the package.json of the connector with the permissions of its kinds in `rca-kit.permissions`. A permission
 * that it has already keeps its sentence; a new one gets a general one.
 */
export function withPermissions(packageJson: string, granted: readonly KindPermission[]): string {
  const json = JSON.parse(packageJson) as { readonly 'rca-kit': { readonly permissions: Record<string, string> } }
  const { permissions: before, ...rest } = json['rca-kit']
  const names = [...granted.flatMap(namesOf), ...LEASE]
  const kept = Object.entries(before).filter(([name]) => names.includes(name))
  const added = names
    .filter((name) => !(name in before))
    .map((name) => [name, `Follows ${name.split(' ')[1]}.`] as const)
  const permissions = Object.fromEntries([...kept, ...added])
  return `${JSON.stringify({ ...json, 'rca-kit': { permissions, ...rest } }, undefined, 2)}\n`
}

/** Returns names such as `list deployments.apps` and `get pods/log`. */
function namesOf({ group, resource, verbs }: KindPermission): string[] {
  const [name, ...subresource] = resource.split('/')
  const full = [`${name}${group === '' ? '' : `.${group}`}`, ...subresource].join('/')
  return verbs.map((verb) => `${verb} ${full}`)
}
