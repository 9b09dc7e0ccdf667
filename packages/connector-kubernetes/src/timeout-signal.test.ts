import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { timeoutSignal } from './timeout-signal.ts'

describe('timeoutSignal', () => {
  test('aborts at its timeout, even if garbage was collected before', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const aborted = once(timeoutSignal(50, new AbortController().signal), 'abort')
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
    expect(await aborted).toMatchObject([{ target: { reason: { name: 'TimeoutError' } } }])
  })

  test('aborts with its parent', () => {
    const parent = new AbortController()
    const signal = timeoutSignal(1e6, parent.signal)
    parent.abort(new Error('stopped'))
    expect(signal.reason).toEqual(new Error('stopped'))
  })
})
