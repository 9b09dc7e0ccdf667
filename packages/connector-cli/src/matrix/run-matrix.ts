import type { CheckResult } from '@rca/connector-testkit'
import type { CoreVersion } from './core-versions.ts'

/** Outcome of the checks with one version of core on one version of Node.js. */
export interface MatrixCell {
  readonly core: CoreVersion
  /** Major version that was asked for. */
  readonly node: string
  /** `missing`: the checks could not be made, since something could not be installed. */
  readonly status: 'passed' | 'failed' | 'missing'
  /** Numbers of checks by outcome. Empty if they were not made. */
  readonly counts: Readonly<Partial<Record<CheckResult['status'], number>>>
  /** Ids of the checks that failed, or why the checks were not made. */
  readonly reasons: readonly string[]
}

/** The side effects of a matrix. A rejection makes the cells that need it `missing`. */
export interface MatrixMachine {
  /** Installs Node.js of a major version. Returns the path of its program. */
  installNode(major: string): Promise<string>
  /** Installs the package beside a version of core. Returns the folder. */
  installPackage(coreVersion: string): Promise<string>
  /** Makes the checks in such a folder. Rejects if the process ended without results: that is a failure. */
  check(folder: string, node: string): Promise<readonly CheckResult[]>
}

/** Installs and checks each combination, one after the other, and installs each version once. */
export async function runMatrix(
  cores: readonly CoreVersion[],
  nodes: readonly string[],
  machine: MatrixMachine,
): Promise<MatrixCell[]> {
  const programs = new Map<string, Installed>()
  for (const node of nodes) programs.set(node, await installed(() => machine.installNode(node)))
  const cells: MatrixCell[] = []
  for (const core of cores) {
    const { version } = core
    const folder: Installed =
      version === undefined
        ? { reason: `no version of @rca/core is published as \`${core.name}\`` }
        : await installed(() => machine.installPackage(version))
    for (const [node, program] of programs) cells.push({ core, node, ...(await checked(machine, folder, program)) })
  }
  return cells
}

type Installed = { readonly path: string } | { readonly reason: string }

async function installed(install: () => Promise<string>): Promise<Installed> {
  try {
    return { path: await install() }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

async function checked(
  machine: MatrixMachine,
  folder: Installed,
  program: Installed,
): Promise<Pick<MatrixCell, 'status' | 'counts' | 'reasons'>> {
  for (const part of [folder, program])
    if ('reason' in part) return { status: 'missing', counts: {}, reasons: [part.reason] }
  try {
    const results = await machine.check((folder as { path: string }).path, (program as { path: string }).path)
    const failed = results.filter(({ status }) => status === 'failed').map(({ id }) => id)
    const statuses = [...new Set(results.map(({ status }) => status))]
    const countOf = (wanted: string): number => results.filter(({ status }) => status === wanted).length
    const counts = Object.fromEntries(statuses.map((status) => [status, countOf(status)]))
    // Checks that were all skipped say nothing about this combination.
    const isPassed = failed.length === 0 && countOf('passed') > 0
    const reasons = isPassed || failed.length > 0 ? failed : ['no check passed']
    return { status: isPassed ? 'passed' : 'failed', counts, reasons }
  } catch (error) {
    return { status: 'failed', counts: {}, reasons: [(error as Error).message] }
  }
}

/** Returns the cells as a table of Markdown, a row for each Node.js, then the reasons of those that did not pass. */
export function matrixTable(cells: readonly MatrixCell[]): string[] {
  const titles = [...new Set(cells.map(({ core }) => titleOf(core)))]
  const nodes = [...new Set(cells.map(({ node }) => node))]
  const textOf = ({ status, counts }: MatrixCell): string =>
    status === 'passed' ? `${counts.passed} passed` : status === 'failed' ? '**failed**' : 'missing'
  const rows = nodes.map((node) => [
    `Node.js ${node}`,
    ...titles.map((title) => cells.filter((cell) => cell.node === node && titleOf(cell.core) === title).map(textOf)[0]),
  ])
  const header = ['', ...titles.map((title) => `core ${title}`)]
  const details = cells
    .filter(({ status }) => status !== 'passed')
    .map(
      ({ core, node, status, reasons }) => `${status}: core ${titleOf(core)}, Node.js ${node}: ${reasons.join('; ')}`,
    )
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).concat(details)
}

function titleOf({ name, version }: CoreVersion): string {
  return version === undefined || version === name ? name : `${version} (${name})`
}
