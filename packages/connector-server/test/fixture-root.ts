import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { testKeyedHash } from '@rca/connector-testkit'
import { excludeNames } from '@rca/core/connector'
import { type TemporaryDirectory, temporaryDirectory } from '@rca/rig/temporary-directory'
import type { HardwareInformation } from '../src/client/client.ts'
import { type LinuxClientOptions, openLinuxClient } from '../src/client/linux/linux-client.ts'
import type { ServerClient } from '../src/client/server-client.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')

/** Returns the text of a captured file. */
export function fixture(file: string): string {
  return readFileSync(join(FIXTURES, file), 'utf8')
}

/** Boot id of the captured machine. */
export const bootId = '5b1c1a1e-8a5f-4f2e-9d0c-3c8f6f1f2a77'

/**
 * Copies the root directory of the captured machine. Creates its link from a device number to a disk, which Git
 * cannot store on Windows.
 */
export function fixtureRoot(): TemporaryDirectory {
  const root = temporaryDirectory(join(FIXTURES, 'linux-vm'))
  mkdirSync(join(root.path, 'sys/dev/block'), { recursive: true })
  symlinkSync('../../devices/pci0000:00/0000:00:02.0/virtio1/block/vda', join(root.path, 'sys/dev/block/254:0'))
  return root
}

/** A library that answers as on a virtual machine. */
const library = {
  cpu: async () => ({ manufacturer: 'AMD', brand: 'EPYC', vendor: 'AMD', physicalCores: 2 }),
  system: async () => ({ manufacturer: '', model: 'Docker Container', virtual: true, virtualHost: 'KVM' }),
} as unknown as HardwareInformation

/** Opens a client of the captured machine. Every filesystem has 1000 blocks of 4096 bytes and is half full. */
export function openFixture(root: TemporaryDirectory, options: Partial<LinuxClientOptions> = {}): ServerClient {
  return openLinuxClient({
    root: root.path,
    topProcesses: 2,
    crashLogLines: 3,
    wantsInterface: excludeNames(['lo', 'ifb*']),
    wantsMount: excludeNames([]),
    loadLibrary: async () => library,
    runProgram: async (file) => {
      throw new Error(`unexpected run of ${file}`)
    },
    watchedFolders: [],
    keyedHash: testKeyedHash,
    certificatePorts: [],
    followUnitRuns: async () => undefined,
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
