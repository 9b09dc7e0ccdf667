import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { pullImage } from './pull.ts'

/** Puts a `docker` that runs this script first in the search path. */
function dockerThat(script: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'rca-pull-'))
  writeFileSync(join(folder, 'docker'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, 'docker'), 0o755)
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
  onTestFinished(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true, force: true })
  })
}

describe('pullImage', () => {
  test('resolves when the image is pulled', async () => {
    dockerThat('exit 0')
    await expect(pullImage('node:26-slim')).resolves.toBeUndefined()
  })

  test('rejects with the answer of the registry', async () => {
    dockerThat('echo "manifest unknown" >&2; exit 1')
    await expect(pullImage('node:26-slim')).rejects.toThrow('node:26-slim cannot be pulled: manifest unknown')
  })

  test('rejects when no registry answers', async () => {
    dockerThat('exec sleep 600')
    await expect(pullImage('node:26-slim', { answerTimeoutMs: 50 })).rejects.toThrow('no registry answered')
  })
})
