import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { realTest } from '@rca/rig/real'
import { describe, expect } from 'vitest'

/** Runs `rca-agent types` with its output redirected by a shell. */
function runTypes(redirection: string) {
  const main = join(import.meta.dirname, '../src/main.ts')
  const script = `"$0" --conditions=@rca/source "$1" types ${redirection}`
  return spawnSync('sh', ['-c', script, process.execPath, main], { encoding: 'utf8' })
}

describe('output of a command', () => {
  realTest('says in one sentence that the disk is full', existsSync('/dev/full'), () => {
    const { status, stderr } = runTypes('> /dev/full')
    expect(stderr).toMatch(/^The output cannot be written: ENOSPC[^\n]*\n$/)
    expect(status).toBe(1)
  })
})
