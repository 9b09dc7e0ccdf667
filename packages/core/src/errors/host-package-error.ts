import { RcaError } from './rca-error.ts'

/** Thrown if the package whose dependencies are searched for connectors cannot be read. */
export class HostPackageError extends RcaError {
  constructor(problem: string, cause?: unknown) {
    super(
      'RCA_HOST_PACKAGE_INVALID',
      `Connectors cannot be discovered: ${problem}. Set \`from\` to \`import.meta.url\` of a file in the package that depends on them`,
      { cause },
    )
  }
}
