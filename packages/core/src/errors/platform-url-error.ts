import { RcaError } from './rca-error.ts'

/** The platform's URL cannot be used. */
export class PlatformUrlError extends RcaError {
  constructor(problem: string) {
    super(
      'RCA_PLATFORM_URL_INVALID',
      `\`platformUrl\` ${problem}. Give the platform's address, such as https://api.example.com`,
    )
  }
}
