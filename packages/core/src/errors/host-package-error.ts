import { RcaError } from './rca-error.ts'

/** The package beside which connectors are looked for cannot be read. */
export class HostPackageError extends RcaError {
  constructor(problem: string, cause?: unknown) {
    super(
      'RCA_HOST_PACKAGE_INVALID',
      `Connectors cannot be discovered: ${problem}. Give \`from\` as \`import.meta.url\` of a file inside the package that depends on them`,
      { cause },
    )
  }
}
