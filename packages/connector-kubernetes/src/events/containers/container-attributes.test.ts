import { expect, test } from 'vitest'
import { signalName } from './container-attributes.ts'

test.each([
  [1, undefined, undefined],
  [0, 0, undefined],
  [137, undefined, 'SIGKILL'],
  [137, 0, 'SIGKILL'],
  [0, 11, 'SIGSEGV'],
  [undefined, undefined, undefined],
])('names the signal of exit code %s and signal %s', (exitCode, signal, name) => {
  expect(signalName(exitCode, signal)).toBe(name)
})
