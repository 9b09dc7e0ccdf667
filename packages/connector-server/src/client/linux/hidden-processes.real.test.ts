import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { privilegedTest } from '@rca/rig/real'
import { describe, expect } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '../../../../..')

/** Collects processes as a user without rights, below a `/proc` that hides those of others. */
function collectHidden(): { gaps: { reason: string }[]; counted: boolean } {
  const script = `
    import { openServerClient } from './packages/connector-server/src/client/open-client.ts'
    import { configSchema } from './packages/connector-server/src/config.ts'
    import { processes } from './packages/connector-server/src/collectors/processes.ts'
    const client = await openServerClient(configSchema.parse({}), new AbortController().signal, () => '')
    process.setgroups([])
    process.setgid(65534)
    process.setuid(65534)
    const { gaps, metrics } = await processes.collect(client, { swapState: () => undefined })
    console.log(JSON.stringify({ gaps, counted: metrics.some((metric) => metric?.name === 'system.process.count') }))
  `
  const shell =
    'sleep 60 & mount -t proc -o hidepid=2 proc /proc && "$0" --conditions=@rca/source --input-type=module -e "$1"'
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', shell, process.execPath, script],
    { cwd: REPOSITORY, encoding: 'utf8' },
  )
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

function canUnshare(): boolean {
  return spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status === 0
}

describe('hidden processes on this machine', () => {
  const isPossible = process.platform === 'linux' && process.getuid?.() === 0 && canUnshare()

  privilegedTest('reports a gap, and no counts, where /proc hides processes of other users', isPossible, () => {
    expect(collectHidden()).toEqual({
      counted: false,
      gaps: [{ scope: 'processes', reason: expect.stringContaining('hides processes of other users') }],
    })
  })
})
