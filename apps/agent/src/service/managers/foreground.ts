import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Layout } from '../layout.ts'
import { isAlive } from '../lock.ts'
import type { Machine } from '../machine.ts'
import { runService } from '../run-service.ts'
import { ServiceError } from '../service-error.ts'
import type { ServiceManager } from '../service-manager.ts'

const STOP_TIMEOUT_MS = 30_000
const POLL_INTERVAL_MS = 100
const MAX_LOG_LENGTH = 4_000

/**
 * Runs the agent where no service manager is found, as in a container: for a trial as a child of this process, then in
 * its place. The agent of an earlier call is found by its health socket.
 */
export function createForeground(machine: Machine, layout: Layout): ServiceManager {
  let child: ChildProcess | undefined
  let log = ''
  const runningAgent = async (): Promise<number | undefined> =>
    (await machine.health(machine.path(layout.socket)))?.pid ?? undefined

  const stop = async (): Promise<void> => {
    const pid = await runningAgent()
    if (pid !== undefined) process.kill(pid, 'SIGTERM')
    else child?.kill('SIGTERM')
    const deadline = machine.now() + STOP_TIMEOUT_MS
    while ((await runningAgent()) === pid && pid !== undefined) {
      if (machine.now() > deadline)
        throw new ServiceError(
          'serviceManagerFailed',
          `the agent (process ${pid}) does not stop. End it, and try again`,
        )
      await machine.sleep(POLL_INTERVAL_MS)
    }
    // The socket is closed first: until the process ends, the user of the agent cannot be removed.
    while (pid !== undefined && isAlive(pid) && machine.now() <= deadline) await machine.sleep(POLL_INTERVAL_MS)
    child = undefined
  }

  const start = async (): Promise<void> => {
    await stop()
    const words = ['service', 'run', '--prefix', layout.prefix]
    const started = spawn(machine.path(layout.program), words, { stdio: ['ignore', 'inherit', 'pipe'] })
    started.stderr.on('data', (part: Buffer) => {
      log = (log + part.toString()).slice(-MAX_LOG_LENGTH)
    })
    await once(started, 'spawn').catch((error: Error) => {
      throw new ServiceError('serviceManagerFailed', `${layout.program} cannot be started: ${error.message}`)
    })
    child = started
  }

  return {
    name: 'none, it runs in the foreground',
    files: [],
    reload: async () => undefined,
    enable: async () => undefined,
    disable: async () => undefined,
    start,
    stop,
    isRunning: async () => (await runningAgent()) !== undefined,
    recentLog: async () => log.trim().split('\n').slice(-10).join('\n'),
    logCommand: `${layout.program} service status`,
    runHere: async () => {
      if (child === undefined) return
      await stop()
      machine.print('The agent runs from now on in this process, until it gets SIGTERM or SIGINT')
      await runService(machine, layout)
    },
  }
}
