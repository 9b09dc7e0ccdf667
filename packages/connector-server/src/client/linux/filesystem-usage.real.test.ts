import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@rca/connector-testkit'
import type { Metric } from '@rca/core/connector'
import { run } from '@rca/rig'
import { realTest } from '@rca/rig/real'
import { expect } from 'vitest'

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/dev/fuse')

realTest('a collection ends, and measures all other filesystems, while six do not answer', canMount, async () => {
  const { path } = temporaryDirectory()
  const script = join(import.meta.dirname, '../../../test/hanging-filesystems.ts')
  const words = [process.execPath, '--conditions=@rca/source', script, path, '6']
  const output = await run('unshare', ['--mount', '--propagation', 'private', ...words])
  const { gaps, metrics } = JSON.parse(output) as { gaps: { scope: string; reason: string }[]; metrics: Metric[] }
  expect(gaps.map(({ scope }) => scope).toSorted()).toEqual(
    [1, 2, 3, 4, 5, 6].map((number) => `filesystem:${path}/hanging-${number}`),
  )
  expect(gaps[0]?.reason).toContain('statfs did not return within')
  const measured = metrics.filter(({ name }) => name === 'system.filesystem.limit').map(({ entity }) => entity.id)
  expect(measured).toContain('/')
})
