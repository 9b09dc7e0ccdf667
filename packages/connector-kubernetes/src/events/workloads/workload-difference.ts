import { isChecksum } from '../../changes/compare-templates.ts'
import type { WorkloadDifference } from '../../changes/compare-workloads.ts'
import { some } from '../../changes/differences.ts'

/** What differs, as attributes of an event. */
export function describeDifference({ fields, settings, template }: WorkloadDifference) {
  const { environment, environmentFrom, containers, mounts } = template
  return {
    'change.fields': fields,
    'change.settings': some(settings),
    'change.images': some(template.images),
    'change.containers.added': some(containers.added),
    'change.containers.removed': some(containers.removed),
    'change.resources': some(template.resources),
    'change.environment.added': some(environment.added),
    'change.environment.removed': some(environment.removed),
    'change.environment.changed': some(environment.changed),
    'change.environment_from.added': some(environmentFrom.added),
    'change.environment_from.removed': some(environmentFrom.removed),
    'change.commands': some(template.commands),
    'change.probes': some(template.probes),
    'change.mounts.added': some(mounts.added),
    'change.mounts.removed': some(mounts.removed),
    'change.annotations': some(template.annotations),
    'change.restart': template.isRestart ? true : undefined,
  }
}

/** `changed by kubectl-set: app: shop/web:1 → shop/web:2; environment changed` */
export function summarize({ fields, template, settings }: WorkloadDifference, by: string): string {
  const told = ['image', 'settings', 'configuration', 'restart']
  const others = fields.filter((field) => !told.includes(field)).join(', ')
  const checksums = template.annotations.filter(isChecksum).join(', ')
  const parts = [
    ...template.images,
    ...settings,
    ...(checksums === '' ? [] : [`another configuration (${checksums})`]),
    ...(others === '' ? [] : [others === 'other' ? 'something else' : `${others} changed`]),
  ]
  const verb = template.isRestart ? 'restarted' : 'changed'
  return parts.length === 0 ? `${verb}${by}` : `${verb}${by}: ${parts.join('; ')}`
}
