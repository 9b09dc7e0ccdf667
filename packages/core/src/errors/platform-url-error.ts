import { RcaError } from './rca-error.ts'

/** Thrown if the platform's URL is invalid. */
export class PlatformUrlError extends RcaError {
  constructor(problem: string) {
    super(
      'RCA_PLATFORM_URL_INVALID',
      `\`platformUrl\` ${problem}. Set it to the platform's address, such as https://api.example.com`,
    )
  }
}
