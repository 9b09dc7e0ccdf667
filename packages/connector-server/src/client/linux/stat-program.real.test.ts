import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realTest } from '@rca/rig/real'
import { describe, expect, onTestFinished, vi } from 'vitest'
import { statInProgram } from './stat-program.ts'

const isLinux = process.platform === 'linux'
const neverAborts = new AbortController().signal

describe('statInProgram', () => {
  realTest('returns what statfs returns', isLinux, async () => {
    const { bsize, frsize, blocks, files } = await statfs('/proc')
    expect(await statInProgram('/proc', neverAborts)).toMatchObject({ bsize, frsize, blocks, files })
  })

  realTest('fails with the reason of the system', isLinux, async () => {
    await expect(statInProgram('/no/such/folder', neverAborts)).rejects.toThrow(/No such file or directory/)
  })

  realTest('settles when the process was killed', isLinux, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rca-stat-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'stat'), '#!/bin/sh\nexec sleep 300\n', { mode: 0o755 })
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
    onTestFinished(() => void vi.unstubAllEnvs())
    const controller = new AbortController()
    const reading = statInProgram('/proc', controller.signal)
    controller.abort()
    await expect(reading).rejects.toThrow('`stat` ended with a signal')
  })
})
