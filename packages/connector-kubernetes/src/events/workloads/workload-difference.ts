import { isChecksum } from '../../changes/compare-templates.ts'
import type { WorkloadDifference } from '../../changes/compare-workloads.ts'
import { listAttribute } from '../../changes/differences.ts'

/** A difference as attributes of an event. */
export function describeDifference({ fields, settings, template }: WorkloadDifference) {
  const { environment, environmentFrom, containers, mounts } = template
  return {
    'change.fields': fields,
    'change.settings': listAttribute(settings),
    'change.images': listAttribute(template.images),
    'change.containers.added': listAttribute(containers.added),
    'change.containers.removed': listAttribute(containers.removed),
    'change.resources': listAttribute(template.resources),
    'change.environment.added': listAttribute(environment.added),
    'change.environment.removed': listAttribute(environment.removed),
    'change.environment.changed': listAttribute(environment.changed),
    'change.environment_from.added': listAttribute(environmentFrom.added),
    'change.environment_from.removed': listAttribute(environmentFrom.removed),
    'change.commands': listAttribute(template.commands),
    'change.probes': listAttribute(template.probes),
    'change.mounts.added': listAttribute(mounts.added),
    'change.mounts.removed': listAttribute(mounts.removed),
    'change.annotations': listAttribute(template.annotations),
    'change.restart': template.isRestart ? true : undefined,
  }
}

/** `changed by kubectl-set: app: shop/web:1 → shop/web:2, variable A removed; strategy: RollingUpdate → Recreate` */
export function summarize(
  { fields, template, settings, description }: WorkloadDifference,
  verb: string,
  by: string,
): string {
  const checksums = template.annotations.filter(isChecksum).join(', ')
  const annotations = template.annotations
    .filter((name) => !isChecksum(name))
    .map((name) => `annotation ${name} changed`)
  const parts = [
    ...description,
    ...settings,
    ...(checksums === '' ? [] : [`another configuration (${checksums})`]),
    ...annotations,
    ...(fields.includes('other') ? ['something else'] : []),
  ]
  return parts.length === 0 ? `${verb}${by}` : `${verb}${by}: ${parts.join('; ')}`
}

/**
 * Returns `changed`, `restarted`, or `rolled back to revision 1`.
 *
 * @param rollbackTo the revision whose template the workload has again; empty for an unknown one
 */
export function verbOf({ template }: WorkloadDifference, rollbackTo: string | undefined): string {
  if (rollbackTo === undefined) return template.isRestart ? 'restarted' : 'changed'
  return `rolled back to ${rollbackTo === '' ? 'an earlier template' : `revision ${rollbackTo}`}`
}
