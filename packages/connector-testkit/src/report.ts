import type { CheckResult } from './check.ts'

/** `junit` for build servers, `sarif` for code scanning, `json` for programs. */
export type ReportFormat = 'json' | 'junit' | 'sarif'

/** Returns the results of checks as a document. @param name of the connector, such as its package */
export function report(results: readonly CheckResult[], format: ReportFormat, name = 'connector'): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify({ name, results }, null, 2)}\n`
    case 'junit':
      return junit(results, name)
    case 'sarif':
      return `${JSON.stringify(sarif(results, name), null, 2)}\n`
    default:
      throw new TypeError(`\`format\` must be \`json\`, \`junit\` or \`sarif\`, got \`${String(format)}\``)
  }
}

function junit(results: readonly CheckResult[], name: string): string {
  const failures = results.filter(({ status }) => status === 'failed').length
  const skipped = results.filter(({ status }) => status === 'skipped' || status === 'excepted').length
  const attributes = `name="${xml(name)}" tests="${results.length}" failures="${failures}" skipped="${skipped}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites><testsuite ${attributes}>`,
    ...results.map((result) => testCase(result, name)),
    '</testsuite></testsuites>',
    '',
  ].join('\n')
}

function testCase(result: CheckResult, name: string): string {
  const { id, title, status, findings, remedy, exception, skipped } = result
  const open = `<testcase classname="${xml(name)}" name="${xml(`${id}: ${title}`)}"`
  const text = xml([...findings, `To fix: ${remedy}`].join('\n'))
  if (status === 'passed') return `${open}/>`
  if (status === 'failed') return `${open}><failure message="${xml(findings[0] ?? '')}">${text}</failure></testcase>`
  if (status === 'warned') return `${open}><system-out>${text}</system-out></testcase>`
  return `${open}><skipped message="${xml(exception ?? skipped ?? '')}"/></testcase>`
}

/** Escapes a text for XML 1.0, which cannot express control characters. */
function xml(text: string): string {
  const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text
    .replaceAll(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '\ufffd')
    .replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? sign)
}

function sarif(results: readonly CheckResult[], name: string): object {
  const found = results.filter(({ findings }) => findings.length > 0)
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: '@rca/connector-testkit',
            rules: results.map(({ id, title, reason, remedy, severity }) => ({
              id,
              shortDescription: { text: title },
              fullDescription: { text: reason },
              help: { text: remedy },
              defaultConfiguration: { level: severity },
            })),
          },
        },
        results: found.flatMap(({ id, status, findings, severity, exception }) =>
          findings.map((finding) => ({
            ruleId: id,
            level: status === 'warned' ? 'warning' : severity,
            message: { text: finding },
            locations: [
              {
                physicalLocation: { artifactLocation: { uri: 'package.json' } },
                logicalLocations: [{ name, kind: 'module' }],
              },
            ],
            ...(exception === undefined ? {} : { suppressions: [{ kind: 'inSource', justification: exception }] }),
          })),
        ),
      },
    ],
  }
}
