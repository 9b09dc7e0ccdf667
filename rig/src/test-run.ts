/** Environment variable with the process of a whole test run: engines that its workers use are released at its end. */
const TEST_RUN = 'RCA_RIG_TEST_RUN'

/** Notes that this process is a test run. Returns it. */
export function beginTestRun(): number {
  process.env[TEST_RUN] = String(process.pid)
  return process.pid
}

/** The test run that this process is part of. */
export function testRun(): number {
  return Number(process.env[TEST_RUN] ?? process.pid)
}
