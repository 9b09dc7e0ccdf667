import { statfs } from 'node:fs/promises'
import { realTest } from '@rca/rig/real'
import { describe, expect } from 'vitest'
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
    const controller = new AbortController()
    const reading = statInProgram('/proc', controller.signal)
    controller.abort()
    await expect(reading).rejects.toThrow()
  })
})
