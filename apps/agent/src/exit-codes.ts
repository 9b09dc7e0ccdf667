/** What the agent's process exits with. */
export const EXIT_CODES = {
  /** Stopped on request, or the command did what it was asked. */
  ok: 0,
  /** An error that nobody expected. */
  crashed: 1,
  /** The environment or the command line is wrong: starting again without a change is useless. */
  usage: 2,
  /** `doctor` found what fails, not only what it warns of, or `collect` could not read what it watches. */
  unhealthy: 3,
} as const
