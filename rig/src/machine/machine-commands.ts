import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder } from '../cache-folder.ts'
import { bootMachine, findMachine, type Machine, missingForMachine } from './machine.ts'
import { buildRoot, buildStandardRoots, readSystem } from './machine-root.ts'

/** Host names. The name is part of a path too. */
const NAME = /^[a-z][a-z0-9-]*$/

/** A sort of machines on the command line. */
export interface MachineKind {
  /** Directory of their disks in the cache of this machine. */
  readonly cache: string
  /** Builds systems, once per machine. Returns their directories. */
  build(): Promise<readonly string[]>
  find(folder: string): Machine | undefined
  /** Boots a machine. @param words options and arguments of `up` */
  boot(folder: string, words: string[]): Promise<Machine>
}

/** Machines on the kernel of this one. */
export const machines: MachineKind = { cache: 'machines', build: buildStandardRoots, find: findMachine, boot }

/** Runs `ACTION NAME …` of a sort of machines. Returns the exit code. @throws Error when the action fails */
export async function machineCommand(
  kind: MachineKind,
  [action = '', name = '', ...words]: string[],
): Promise<number | 'unknown'> {
  if (action === 'build' && name === '') {
    for (const folder of await kind.build()) console.error(`Built ${folder}.`)
    return 0
  }
  if (!NAME.test(name)) return 'unknown'
  const folder = join(cacheFolder(kind.cache), name)
  const named = (): Machine => {
    const machine = kind.find(folder)
    if (machine === undefined) throw new Error(`No machine ${name} is running.`)
    return machine
  }
  switch (action) {
    case 'up':
      return up(kind, name, folder, words)
    case 'run':
      return runInside(named(), words)
    case 'reboot':
      return done(named().reboot())
    case 'kill':
      return done(named().kill())
    case 'down':
      // A machine that has powered itself off leaves its disk.
      return done(kind.find(folder)?.stop() ?? rm(folder, { recursive: true, force: true }))
    default:
      return 'unknown'
  }
}

async function up(kind: MachineKind, name: string, folder: string, words: string[]): Promise<number> {
  if (kind.find(folder) !== undefined) throw new Error(`The machine ${name} is already running.`)
  const { address, hostAddress } = await kind.boot(folder, words)
  console.log(`export RCA_RIG_MACHINE=${address}\nexport RCA_RIG_HOST=${hostAddress}`)
  return 0
}

async function boot(folder: string, words: string[]): Promise<Machine> {
  const { values, positionals } = parseArgs({
    args: words,
    options: { suite: { type: 'string' }, init: { type: 'string' }, share: { type: 'string' } },
    allowPositionals: true,
  })
  const system = readSystem(values.suite, values.init, positionals)
  await buildRoot(system)
  const { missing } = await missingForMachine(system)
  if (missing !== undefined) throw new Error(`No machine: ${missing}.`)
  mkdirSync(folder, { recursive: true })
  return bootMachine(folder, system, { share: values.share })
}

async function runInside(machine: Machine, words: string[]): Promise<number> {
  const [program = '', ...args] = machine.words(...(words.length > 0 ? words : ['bash', '--login']))
  const [code] = (await once(spawn(program, args, { stdio: 'inherit' }), 'close')) as [number | null]
  return code ?? 1
}

async function done(action: Promise<void>): Promise<number> {
  await action
  return 0
}
