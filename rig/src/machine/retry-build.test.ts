import { describe, expect, test } from 'vitest'
import { retryBuild } from './retry-build.ts'

const OUTPUT = `bash debian-root.sh ended with 25: I: running apt-get update...
Err:1 http://mirror.example.com bookworm/main amd64 Packages
  Temporary failure resolving 'mirror.example.com'
E: Failed to fetch http://mirror.example.com/dists/bookworm/Release
I: main() received signal PIPE: waiting for setup...
E: mmdebstrap failed to run
`

/** Runs a build whose first attempts fail. Returns what was printed and awaited. */
async function buildWith(failures: number) {
  const printed: string[] = []
  const waits: number[] = []
  let attempts = 0
  const build = async (): Promise<void> => {
    attempts += 1
    if (attempts <= failures) throw new Error(OUTPUT)
  }
  const wait = async (milliseconds: number): Promise<void> => void waits.push(milliseconds)
  const result = retryBuild('bookworm-systemd', build, { wait, print: (text) => printed.push(text) })
  const error = await result.then(
    () => undefined,
    (reason: Error) => reason.message,
  )
  return { attempts, printed, waits, error }
}

describe('retryBuild', () => {
  test('builds once when the mirror answers', async () => {
    expect(await buildWith(0)).toEqual({ attempts: 1, printed: [], waits: [], error: undefined })
  })

  test('builds again after a failure, and prints the errors alone', async () => {
    const { attempts, printed, waits, error } = await buildWith(2)
    expect([attempts, waits, error]).toEqual([3, [10_000, 20_000], undefined])
    expect(printed[0]).toBe(
      `Attempt 1 of 3 to build bookworm-systemd failed; next in 10 s:
Err:1 http://mirror.example.com bookworm/main amd64 Packages
E: Failed to fetch http://mirror.example.com/dists/bookworm/Release
E: mmdebstrap failed to run`,
    )
  })

  test('says after the last attempt what failed and what to check', async () => {
    const { attempts, waits, error } = await buildWith(9)
    expect([attempts, waits]).toEqual([3, [10_000, 20_000]])
    expect(error).toMatch(
      /^bookworm-systemd could not be built in 3 attempts:\nErr:1 .*\nE: mmdebstrap failed to run\n/s,
    )
    expect(error).toContain('check the mirror that apt uses with `apt-get update`')
  })
})
