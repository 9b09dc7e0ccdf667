import { expect, test } from 'vitest'
import { asksToEnd } from './stop-signals.ts'

test.each([
  ['15', undefined, true],
  ['9', 'SIGQUIT', true],
  ['2', undefined, true],
  ['1', undefined, false],
  ['3', undefined, false],
  ['3', 'SIGQUIT', true],
  ['3', 'quit', true],
  ['3', '3', true],
  ['28', 'SIGWINCH', true],
  ['28', 'SIGNONSENSE', false],
  [undefined, undefined, true],
])('signal %s to a container that is stopped by %s asks it to end: %s', (signal, stopSignal, asks) => {
  expect(asksToEnd(signal, stopSignal)).toBe(asks)
})
