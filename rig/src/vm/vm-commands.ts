import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { MachineKind } from '../machine/machine-commands.ts'
import { bootVm, findVm, missingForVm } from './vm.ts'
import { buildImage } from './vm-image.ts'

/** Machines with a kernel of their own. */
export const virtualMachines: MachineKind = {
  cache: 'vm/machines',
  build: async () => [await buildImage()],
  find: findVm,
  boot: async (folder, words) => {
    const { values } = parseArgs({ args: words, options: { share: { type: 'string' } } })
    await buildImage()
    const { missing } = await missingForVm()
    if (missing !== undefined) throw new Error(`No virtual machine: ${missing}.`)
    mkdirSync(folder, { recursive: true })
    return bootVm(folder, { share: values.share })
  },
}
