import type { Connector, JsonSchema } from '@rca/core'

type Signal = Connector['signals'][string]
type SignalOf<Kind extends Signal['signal']> = Extract<Signal, { signal: Kind }>

/** Returns a heading and a table for each kind of signal. @param level of the headings @default 2 */
export function signalSections(signals: readonly Signal[], level = 2): string[] {
  const mark = '#'.repeat(level)
  return [
    `${mark} Entities`,
    table(
      ['Type', 'Description', 'Attributes', 'Relations'],
      signalsOf(signals, 'entity').map((entity) => [
        code(entity.type),
        entity.description,
        attributes(entity.attributes),
        attributes(entity.relations),
      ]),
    ),
    `${mark} Metrics`,
    table(
      ['Name', 'Unit', 'Kind', 'Description', 'Attributes'],
      signalsOf(signals, 'metric').map((metric) => [
        code(metric.name),
        code(metric.unit),
        metric.kind,
        metric.description,
        attributes(metric.attributes),
      ]),
    ),
    `${mark} Events`,
    table(
      ['Name', 'Severity', 'Description', 'Attributes'],
      signalsOf(signals, 'event').map((event) => [
        code(event.name),
        event.severity,
        event.description,
        attributes(event.attributes),
      ]),
    ),
  ]
}

/**
 * Returns a heading and a table of permissions, with the use of each. Permissions with the same use share a row. Empty
 * if the package declares none.
 */
export function permissionsSection(permissions: ReadonlyMap<string, string> | undefined, level = 2): string {
  if (permissions === undefined) return ''
  const names = new Map<string, string[]>()
  for (const [name, use] of permissions) names.set(use, [...(names.get(use) ?? []), name])
  const rows = [...names].map(([use, all]) => [all.map(code).join(', '), use])
  return `${'#'.repeat(level)} Permissions\n\n${table(['Permission', 'Use'], rows)}`
}

/** Returns the table of the options that a schema describes. */
export function optionsTable(schema: JsonSchema, none = 'None.'): string {
  const required = Array.isArray(schema.required) ? (schema.required as readonly string[]) : []
  const rows = Object.entries(schema.properties ?? {}).map(([name, option]) => [
    code(name),
    option.deploymentOnly === true ? 'only for the command' : code(name.toUpperCase()),
    typeName(option),
    option.default === undefined ? (required.includes(name) ? 'required' : '') : code(asWritten(option.default)),
    option.description ?? '',
  ])
  return table(['Option', 'Environment variable', 'Type', 'Default', 'Description'], rows, none)
}

/** A Markdown table. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], none = 'None.'): string {
  if (rows.length === 0) return none
  const lines = [heads, heads.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')
}

function signalsOf<Kind extends Signal['signal']>(signals: readonly Signal[], kind: Kind): SignalOf<Kind>[] {
  return signals
    .filter((signal): signal is SignalOf<Kind> => signal.signal === kind)
    .sort((left, right) => compare(nameOf(left), nameOf(right)))
}

function nameOf(signal: Signal): string {
  return signal.signal === 'entity' ? signal.type : signal.name
}

/** By code unit, so that the pages are the same in every locale. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function attributes(descriptions: Readonly<Record<string, string>>): string {
  return Object.entries(descriptions)
    .map(([name, description]) => `${code(name)}: ${description}`)
    .join('<br>')
}

function typeName(option: JsonSchema): string {
  if (option.writeOnly === true) return 'secret'
  if (option.enum !== undefined) return option.enum.map((member) => code(asWritten(member))).join(', ')
  if (option.const !== undefined) return code(asWritten(option.const))
  const alternatives = option.anyOf ?? option.oneOf
  if (Array.isArray(alternatives)) return (alternatives as readonly JsonSchema[]).map(typeName).join(' or ')
  if (option.type === 'array') return `list of ${typeName(option.items ?? {})}`
  if (typeof option.pattern === 'string' && option.pattern.includes('ms|s|m|h|d')) return 'duration'
  const bounds = [option.minimum, option.maximum].filter((bound) => typeof bound === 'number')
  const name = [option.type ?? 'any'].flat().join(' or ')
  return bounds.length === 2 ? `${name}, ${bounds.join(' to ')}` : name
}

/** A value as an operator writes it into an environment variable. */
function asWritten(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value)
}

function code(text: string): string {
  return `\`${text}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
