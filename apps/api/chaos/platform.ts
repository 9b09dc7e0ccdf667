import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const ADMIN = 'the-operator-of-the-chaos-hour'
const START_TIMEOUT_MS = 120_000
const MAX_ERRORS = 50

/** The API as a process that is killed and started again at the same address. */
export interface Platform {
  readonly url: () => string
  readonly adminToken: string
  start(): Promise<void>
  /** Ends the process at once, as a lost power supply does. */
  kill(): Promise<void>
  /** Ends the process with SIGTERM. */
  stop(): Promise<void>
  isRunning(): boolean
  provision(environment: string): Promise<string>
  /** Calls a route with the admin token, again while the platform is away or busy. */
  read<Answer>(path: string): Promise<Answer>
  /** Returns the platform's own metrics as text. */
  metrics(): Promise<string>
  /** Looks for damage in the database of the stopped API. */
  check(): readonly string[]
  /** Returns the last errors of its log. */
  lastErrors(): string
}

export function createPlatform(options: {
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
}): Platform {
  const database = `sqlite:${join(options.folder, 'rca.sqlite')}`
  const errors: string[] = []
  let child: ChildProcess | undefined
  let port = 0
  const environment = () => ({
    ...process.env,
    ...options.environment,
    PORT: String(port),
    DATABASE_URL: database,
    RCA_ADMIN_TOKEN: ADMIN,
    LOG_LEVEL: 'error',
  })
  const url = () => `http://127.0.0.1:${port}`
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child
    child = undefined
    if (ending !== undefined) await endProcess(ending, signal)
  }
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    for (let attempts = 1; ; attempts += 1) {
      const response = await fetch(url() + path, { headers, ...init }).catch(() => undefined)
      if (response?.ok === true) return response
      if (attempts > 60) throw new Error(`${path} was answered with ${response?.status}: ${await response?.text()}`)
      await response?.body?.cancel()
      await sleep(1000)
    }
  }
  return {
    url,
    adminToken: ADMIN,
    isRunning: () => child !== undefined && isAlive(child),
    start: async () => {
      port ||= await freePort()
      child = spawn(process.execPath, ['--conditions=@rca/source', MAIN], {
        env: environment(),
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      await waitForAddress(child, errors)
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    provision: async (name) => {
      const config = { token_ttl: 'unlimited' }
      const body = JSON.stringify({ agent_type: 'server', environment_name: name, config })
      const answer = await call('/api/v1/agent/provision', { method: 'POST', body })
      return ((await answer.json()) as { agent_token: string }).agent_token
    },
    read: async <Answer>(path: string) => (await (await call(path)).json()) as Answer,
    metrics: async () => (await call('/metrics')).text(),
    check: () => {
      try {
        execFileSync(process.execPath, ['--conditions=@rca/source', MAIN, 'check'], { env: environment() })
        return []
      } catch (error) {
        return [String((error as { stdout?: Buffer }).stdout ?? error)]
      }
    },
    lastErrors: () => errors.join('\n'),
  }
}

/** Returns the resident memory of a platform's process. */
export async function residentMbOf(platform: Platform): Promise<number> {
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(await platform.metrics())?.[1]) / 1e6
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isAlive(child)) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until the API prints its address, and keeps the last lines of its log. @throws if it ends before */
async function waitForAddress(child: ChildProcess, errors: string[]): Promise<void> {
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) return
  createInterface({ input: stderr }).on('line', (line) => {
    errors.push(line)
    if (errors.length > MAX_ERRORS) errors.shift()
  })
  const died = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`The API did not start (${code ?? signal}):\n${errors.join('\n')}`)
  })
  died.catch(() => undefined)
  const signal = AbortSignal.timeout(START_TIMEOUT_MS)
  await Promise.race([once(createInterface({ input: stdout }), 'line', { signal }), died])
}
