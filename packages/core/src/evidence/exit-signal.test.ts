import { describe, expect, test } from 'vitest'
import { exitSignal } from './exit-signal.ts'

describe('exitSignal', () => {
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
    // Ordinary exit codes of programs.
    [250, undefined],
    [255, undefined],
    [undefined, undefined],
  ])('maps the exit code %s to %s', (exitCode, signal) => {
    expect(exitSignal(exitCode)).toBe(signal)
  })
})
