import { realTest } from '@rca/rig/real'
import { describe, expect } from 'vitest'
import { runProgram } from './run-program.ts'

const running = new AbortController().signal
const isUnix = process.platform !== 'win32'

describe('a program', () => {
  realTest('says what it prints, in the C locale', isUnix, async () => {
    expect(await runProgram('sh', ['-c', 'echo "$1 $LC_ALL"', 'sh', 'a b'], running)).toBe('a b C\n')
  })

  realTest('that fails says why', isUnix, async () => {
    await expect(runProgram('sh', ['-c', 'echo "no bus" >&2; exit 1'], running)).rejects.toThrow('`sh` failed: no bus')
    await expect(runProgram('no-such-program', [], running)).rejects.toThrow(
      '`no-such-program` failed: spawn no-such-program ENOENT',
    )
  })

  realTest('that is not waited for any longer is ended', isUnix, async () => {
    const controller = new AbortController()
    const ended = runProgram('sleep', ['60'], controller.signal)
    controller.abort()
    await expect(ended).rejects.toThrow('`sleep` failed: The operation was aborted')
  })
})
