import { permissionsOf } from '../kit-settings.ts'
import type { Rehearsal } from '../rehearsal.ts'
import type { CheckDefinition, Subject } from '../subject.ts'
import { commandsOf } from './deployment.ts'

/** Checks of what an agent must be allowed to do. */
export const permissionChecks: readonly CheckDefinition[] = [
  {
    id: 'DEP-least',
    title: 'declares and grants exactly the permissions that it uses',
    reason: 'An operator grants what is documented: too much is a risk without a use, too little is a gap.',
    severity: 'error',
    remedy:
      'Declare what the requests of the scenarios need in `rca-kit.permissions` of package.json, and grant the same in `deploy`.',
    find: async (subject) => {
      if (subject.package === undefined) return { skipped: 'it needs `packageFolder`' }
      const rehearsals = (await subject.rehearsals()).filter(({ permissions }) => permissions !== undefined)
      if (rehearsals.length === 0) return { skipped: 'it needs `permissions` of a scenario' }
      const used = new Set(rehearsals.flatMap(({ permissions = [] }) => permissions))
      const declared = [...(permissionsOf(subject.package.json)?.keys() ?? [])]
      return [
        ...[...used]
          .filter((name) => !declared.includes(name))
          .map((name) => `\`${name}\` is used, and package.json does not declare it`),
        ...declared
          .filter((name) => !used.has(name))
          .map((name) => `package.json declares \`${name}\`, and no scenario uses it`),
        ...rehearsals.flatMap((rehearsal) => grantFindings(subject, rehearsal, declared)),
      ]
    },
  },
]

/** Compares the permissions that the commands of a scenario grant, if they name any, with those that it used. */
function grantFindings(
  { connector }: Subject,
  { name, options, permissions = [] }: Rehearsal,
  declared: readonly string[],
): string[] {
  const text = (['sh', 'powershell'] as const).flatMap((shell) => commandsOf(connector, [options], shell)).join('\n')
  const granted = declared.filter((permission) => isNamed(permission, text))
  if (granted.length === 0) return []
  return [
    ...permissions
      .filter((permission) => !granted.includes(permission))
      .map((permission) => `${name}: \`${permission}\` is used, and the command of \`deploy\` does not grant it`),
    ...granted
      .filter((permission) => !permissions.includes(permission))
      .map((permission) => `${name}: the command of \`deploy\` grants \`${permission}\`, which is not used`),
  ]
}

/** Returns true if a text has the name as a word: `lambda:GetPolicy` is not a part of `lambda:GetPolicyVersion`. */
function isNamed(name: string, text: string): boolean {
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?<![\\w:/])${literal}(?![\\w:/*])`).test(text)
}
