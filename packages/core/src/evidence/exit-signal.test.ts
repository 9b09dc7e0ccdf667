import { expect, test } from 'vitest'
import { exitSignal } from './exit-signal.ts'

test.each([
  [0, undefined],
  [1, undefined],
  [128, undefined],
  [129, 'SIGHUP'],
  [130, 'SIGINT'],
  [134, 'SIGABRT'],
  [137, 'SIGKILL'],
  [139, 'SIGSEGV'],
  [143, 'SIGTERM'],
  // Programs end with these on their own.
  [250, undefined],
  [255, undefined],
  [undefined, undefined],
])('the exit code %s stands for the signal %s', (exitCode, signal) => {
  expect(exitSignal(exitCode)).toBe(signal)
})
