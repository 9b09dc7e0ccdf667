import { realTest } from '@rca/rig/real'
import { describe, expect } from 'vitest'
import { runProgram } from './systemd.ts'

const neverAborts = new AbortController().signal
const isUnix = process.platform !== 'win32'

describe('runProgram', () => {
  realTest('returns the output of a program in the C locale', isUnix, async () => {
    expect(await runProgram('sh', ['-c', 'echo "$1 $LC_ALL"', 'sh', 'a b'], neverAborts)).toBe('a b C\n')
  })

  realTest('rejects with the error output of a failed program', isUnix, async () => {
    await expect(runProgram('sh', ['-c', 'echo "no bus" >&2; exit 1'], neverAborts)).rejects.toThrow(
      '`sh` failed: no bus',
    )
    await expect(runProgram('no-such-program', [], neverAborts)).rejects.toThrow(
      '`no-such-program` failed: spawn no-such-program ENOENT',
    )
  })

  realTest('kills the program on abort', isUnix, async () => {
    const controller = new AbortController()
    const ended = runProgram('sleep', ['60'], controller.signal)
    controller.abort()
    await expect(ended).rejects.toThrow('`sleep` failed: The operation was aborted')
  })
})
