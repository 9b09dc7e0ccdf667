import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { excluding } from '@rca/core/connector'
import { onTestFinished } from 'vitest'
import type { SystemInformation } from '../src/client/client.ts'
import { type LinuxClientOptions, openLinuxClient } from '../src/client/linux/linux-client.ts'
import type { ServerClient } from '../src/client/server-client.ts'

/** Text of a captured file. */
export function fixture(file: string): string {
  return readFileSync(join(import.meta.dirname, 'fixtures', file), 'utf8')
}

/** Of the captured machine. */
export const bootId = '5b1c1a1e-8a5f-4f2e-9d0c-3c8f6f1f2a77'

/** A copy of the captured machine that a test may change. It is gone after the test. */
export interface FixtureRoot {
  readonly path: string
  write(file: string, text: string): void
  change(file: string, change: (text: string) => string): void
  remove(file: string): void
}

/** Copies the captured machine. Its link from a device's number to its disk, which Git cannot keep on Windows, is made here. */
export function fixtureRoot(): FixtureRoot {
  const path = mkdtempSync(join(tmpdir(), 'rca-root-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  cpSync(join(import.meta.dirname, 'fixtures/linux-vm'), path, { recursive: true })
  mkdirSync(join(path, 'sys/dev/block'), { recursive: true })
  symlinkSync('../../devices/pci0000:00/0000:00:02.0/virtio1/block/vda', join(path, 'sys/dev/block/254:0'))
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(path, file)), { recursive: true })
    writeFileSync(join(path, file), text)
  }
  return {
    path,
    write,
    change: (file, change) => write(file, change(readFileSync(join(path, file), 'utf8'))),
    remove: (file) => rmSync(join(path, file), { recursive: true }),
  }
}

/** A library that answers as on a virtual machine. */
export const library = {
  cpu: async () => ({ manufacturer: 'AMD', brand: 'EPYC', vendor: 'AMD', physicalCores: 2 }),
  system: async () => ({ manufacturer: '', model: 'Docker Container', virtual: true, virtualHost: 'KVM' }),
} as unknown as SystemInformation

/** Opens the captured machine. Every filesystem is 1000 blocks of 4096 bytes, half full. */
export function openFixture(root: FixtureRoot, options: Partial<LinuxClientOptions> = {}): ServerClient {
  return openLinuxClient({
    root: root.path,
    topProcesses: 2,
    wantsInterface: excluding(['lo', 'ifb*']),
    wantsMount: excluding([]),
    loadLibrary: async () => library,
    runProgram: async () => {
      throw new Error('no program is expected to be run')
    },
    statfs: async () => ({
      type: 0,
      bsize: 4096,
      frsize: 4096,
      blocks: 1000,
      bfree: 500,
      bavail: 450,
      files: 100,
      ffree: 90,
    }),
    ...options,
  })
}
