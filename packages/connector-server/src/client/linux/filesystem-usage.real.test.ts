import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Metric } from '@rca/core/connector'
import { run, START_TIMEOUT_MS } from '@rca/rig'
import { privilegedTest } from '@rca/rig/real'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { expect, vi } from 'vitest'
import type { SharedFiles } from '../server-client.ts'

// Another process compiles the sources, and waits for the filesystems.
vi.setConfig({ testTimeout: START_TIMEOUT_MS })

const canMount = existsSync('/dev/fuse') && spawnSync('unshare', ['--mount', 'true']).status === 0

privilegedTest(
  'a collection ends, and skips no other filesystem or file, while six do not answer',
  canMount,
  async () => {
    const { path, write } = temporaryDirectory()
    write('shop.conf', 'pool = 10')
    const script = join(import.meta.dirname, '../../../test/collect-hanging-once.ts')
    const words = [process.execPath, '--conditions=@rca/source', script, path, '6']
    const output = await run('unshare', ['--mount', '--propagation', 'private', ...words])
    const { gaps, metrics, files, shared } = JSON.parse(output) as {
      gaps: { scope: string; reason: string }[]
      metrics: Metric[]
      files: string[]
      shared: SharedFiles
    }
    // A busy machine may be late with others too.
    for (let number = 1; number <= 6; number += 1) {
      const gap = gaps.find(({ scope }) => scope === `filesystem:${path}/hanging-${number}`)
      expect(gap?.reason).toContain('statfs did not return within')
    }
    expect(gaps.filter(({ reason }) => reason.includes('skipped'))).toEqual([])
    expect(metrics.map(({ name }) => name)).toContain('system.uptime')
    expect(files).toEqual([`${path}/shop.conf`])
    expect(shared.folders).toEqual({})
    expect(shared.problem?.split('; ').toSorted()[5]).toBe(
      `files of ${path}/hanging-6 are not compared: its filesystem does not answer`,
    )
  },
)
