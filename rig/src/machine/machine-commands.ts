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

const ACTIONS: Readonly<Record<string, (name: string, words: string[]) => Promise<number>>> = {
  up,
  run: (name, words) => runInside(named(name), words),
  reboot: (name) => done(named(name).reboot()),
  kill: (name) => done(named(name).kill()),
  // A machine that has powered itself off leaves its disk.
  down: (name) => done(findMachine(folderOf(name))?.stop() ?? rm(folderOf(name), { recursive: true, force: true })),
}

/** Runs `machine ACTION NAME …`. Returns the exit code. @throws Error when the action fails */
export async function machineCommand([action = '', name = '', ...words]: string[]): Promise<number | 'unknown'> {
  if (action === 'build' && name === '') {
    for (const folder of await buildStandardRoots()) console.error(`Built ${folder}.`)
    return 0
  }
  const run = ACTIONS[action]
  return run === undefined || !NAME.test(name) ? 'unknown' : run(name, words)
}

async function up(name: string, words: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: words,
    options: { suite: { type: 'string' }, init: { type: 'string' } },
    allowPositionals: true,
  })
  const system = readSystem(values.suite, values.init, positionals)
  if (findMachine(folderOf(name)) !== undefined) throw new Error(`The machine ${name} is already running.`)
  await buildRoot(system)
  const { missing } = await missingForMachine(system)
  if (missing !== undefined) throw new Error(`No machine: ${missing}.`)
  mkdirSync(folderOf(name), { recursive: true })
  const { address, hostAddress } = await bootMachine(folderOf(name), system)
  console.log(`export RCA_RIG_MACHINE=${address}\nexport RCA_RIG_HOST=${hostAddress}`)
  return 0
}

async function runInside(machine: Machine, words: string[]): Promise<number> {
  const [program = '', ...args] = machine.words(...(words.length > 0 ? words : ['bash', '--login']))
  const [code] = (await once(spawn(program, args, { stdio: 'inherit' }), 'close')) as [number | null]
  return code ?? 1
}

function named(name: string): Machine {
  const machine = findMachine(folderOf(name))
  if (machine === undefined) throw new Error(`No machine ${name} is running.`)
  return machine
}

async function done(action: Promise<void>): Promise<number> {
  await action
  return 0
}

function folderOf(name: string): string {
  return join(cacheFolder('machines'), name)
}
