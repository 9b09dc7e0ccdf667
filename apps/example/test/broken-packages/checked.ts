import type { BrokenPackage } from './package-files.ts'

/** A package that works, and the check of the kit that finds its fault before it is published. */
export interface CheckedPackage extends BrokenPackage {
  readonly check: string
}

/** Packages whose faults only their author can see. */
export const checkedPackages: Readonly<Record<string, CheckedPackage>> = {
  title: { manifest: { title: 'Other' }, check: 'MAN-same-title' },
  description: { manifest: { description: 'Other' }, check: 'MAN-same-description' },
  'option-silent': { code: "input.properties.color = { type: 'string' }", check: 'CFG-described' },
  'unit-unknown': {
    code: "signals.bad = metric({ name: 'acme.way', unit: 'furlongs', kind: 'gauge', description: 'Way.' })",
    check: 'SIG-units',
  },
  'counter-falls': {
    code: 'let left = 9\ncollect(async () => ({ metrics: [jobs.point(left--, own)] }))',
    check: 'VAL-counters',
  },
  'dangling-metric': {
    code: "collect(async () => ({ metrics: [load.point(1, host.reference('nowhere'))] }))",
    check: 'TOP-described',
  },
  'dangling-relation': {
    code: "collect(async () => ({ entities: [host.entity({ id: 'b', relations: [{ type: 'part_of', target: host.reference('nowhere') }] })] }))",
    check: 'TOP-described',
  },
  'described-twice': {
    code: "collect(async () => ({ entities: [host.entity({ id: own.id, attributes: { color: 'red' } })] }))",
    check: 'TOP-one-describer',
  },
  'identity-moves': {
    code: 'parts.identify = async () => ({ id: `${Math.random()}`, name: "x", entity: own })',
    check: 'IDN-stable',
  },
  'handles-leak': {
    code: 'parts.connect = async () => { setInterval(() => {}, 1e6); return {} }',
    check: 'DIS-handles',
  },
  'deploy-impure': {
    code: "parts.deploy = ({ platformUrl, agentToken }) => ({ command: command('install', platformUrl, agentToken, `${Math.random()}`) })",
    check: 'DEP-pure',
  },
}
