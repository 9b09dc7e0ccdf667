import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createLayout } from '../src/service/layout.ts'
import type { AgentHealth, Machine, ProgramResult } from '../src/service/machine.ts'
import type { Release } from '../src/service/release.ts'
import type { ServiceManager } from '../src/service/service-manager.ts'
import { temporaryDirectory } from './fakes.ts'

/** A machine below a folder of its own, whose programs are functions and whose clock is moved by its sleeps. */
export interface FakeMachine extends Machine {
  readonly root: string
  /** Programs that were run, with their arguments. */
  readonly calls: string[]
  readonly printed: string[]
  /** Programs by name. Others succeed without output. */
  readonly programs: Map<string, (...words: string[]) => Partial<ProgramResult>>
  /** Answer of the health socket. */
  setHealth(health: AgentHealth | undefined): void
  write(path: string, text: string): void
  read(path: string): string
}

/** Makes a machine for one test. Its user exists after `useradd`, and until `userdel`. */
export function fakeMachine(options: { platform?: NodeJS.Platform; has?: readonly string[] } = {}): FakeMachine {
  const { platform = 'linux', has = ['useradd', 'userdel', 'groupdel', 'systemctl'] } = options
  const root = temporaryDirectory()
  const calls: string[] = []
  const printed: string[] = []
  let time = Date.parse('2026-01-01T00:00:00Z')
  let health: AgentHealth | undefined
  let hasUser = false
  const setUser = (exists: boolean) => () => {
    hasUser = exists
    return {}
  }
  const programs: FakeMachine['programs'] = new Map([
    ['id', () => (hasUser ? { output: '999' } : { status: 1 })],
    ['useradd', setUser(true)],
    ['userdel', setUser(false)],
  ])
  const path = (file: string): string => join(root, file)
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(path(file)), { recursive: true })
    writeFileSync(path(file), text)
  }
  write('/etc/group', 'root:x:0:\n')
  return {
    platform,
    isRoot: true,
    root,
    calls,
    printed,
    programs,
    path,
    write,
    read: (file) => readFileSync(path(file), 'utf8'),
    run: async (program, ...words) => {
      calls.push([program, ...words].join(' '))
      return { status: 0, output: '', ...programs.get(program)?.(...words) }
    },
    has: (program) => has.includes(program),
    setOwner: (file, user, group) => {
      calls.push(`chown ${user}:${group} ${file.slice(root.length)}`)
    },
    health: async () => health,
    setHealth: (next) => {
      health = next
    },
    now: () => time,
    sleep: async (milliseconds) => {
      time += milliseconds
    },
    print: (line) => {
      printed.push(line)
    },
  }
}

/** Makes an unpacked archive in the folder of versions, as `agent.sh` leaves it. */
export function placeArchive(machine: FakeMachine, version: string): Release {
  const folder = `${createLayout('linux').versions}/${version}`
  machine.write(`${folder}/VERSION`, `${version}\n`)
  machine.write(`${folder}/bin/rca-agent`, '#!/bin/sh\n')
  return { folder: machine.path(folder), version }
}

/** Makes a service manager with one file. `onStart` returns the health of the agent that it has started. */
export function fakeManager(
  machine: FakeMachine,
  onStart: () => AgentHealth | undefined = () => ({
    heartbeat: { acknowledged_at: new Date(machine.now()).toISOString() },
  }),
): ServiceManager & { isStarted: boolean; log: string[] } {
  const log: string[] = []
  const record = (action: string) => async () => {
    log.push(action)
  }
  const manager = {
    name: 'fake',
    isStarted: false,
    log,
    files: [{ path: '/etc/init.d/rca-agent', mode: 0o755, text: '#!/bin/sh\n' }],
    reload: record('reload'),
    enable: record('enable'),
    disable: record('disable'),
    start: async () => {
      log.push('start')
      manager.isStarted = true
      machine.setHealth(onStart())
    },
    stop: async () => {
      log.push('stop')
      manager.isStarted = false
      machine.setHealth(undefined)
    },
    isRunning: async () => manager.isStarted,
    recentLog: async () => 'the last line',
    logCommand: 'tail -f /var/log/rca-agent.log',
  }
  return manager
}
