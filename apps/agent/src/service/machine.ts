import { execFile } from 'node:child_process'
import { chownSync, existsSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toTerminalText } from '@rca/core'
import { print } from '../standard-output.ts'

/** Result of a program. */
export interface ProgramResult {
  readonly status: number
  /** Standard output and standard error. */
  readonly output: string
}

/** The parts of the answer of an agent's health endpoint that the installer reads. */
export interface AgentHealth {
  readonly pid?: number
  readonly agent_type?: string
  readonly agent_version?: string
  readonly enrolled?: boolean
  readonly key_expires_at?: string
  readonly heartbeat?: {
    readonly acknowledged_at?: string
    readonly error?: string
    readonly refused_token?: boolean
  }
  readonly outbox?: { readonly reports: number; readonly dropped: number; readonly oldest_at?: string }
  readonly collectors?: { readonly connect?: { readonly ok: boolean; readonly error?: string } }
}

/** The machine on which the service is installed. Tests give it another root. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly isRoot: boolean
  /** Converts a path of the machine to a path of this process. */
  path(path: string): string
  /** Runs a program without a shell, and never rejects. A program that does not exist has the status 127. */
  run(program: string, ...words: readonly string[]): Promise<ProgramResult>
  /** Returns whether a program is in the search path. */
  has(program: string): boolean
  /** Changes the owner of a path of this process. */
  setOwner(path: string, user: number, group: number): void
  /** Reads the health of the agent behind a socket; `undefined` if none answers. */
  health(socket: string): Promise<AgentHealth | undefined>
  now(): number
  sleep(milliseconds: number): Promise<void>
  print(line: string): void
}

/** Folders of administration programs, which the search path of `sudo` and of some shells lacks. */
const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const PROGRAM_TIMEOUT_MS = 90_000
const HEALTH_TIMEOUT_MS = 2_000

/** Returns this machine. */
export function thisMachine(): Machine {
  const path = process.env.PATH === undefined ? SEARCH_PATH : `${process.env.PATH}:${SEARCH_PATH}`
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    path: (file) => file,
    run: (program, ...words) =>
      new Promise((resolve) => {
        const options = { env: { ...process.env, PATH: path, LC_ALL: 'C' }, timeout: PROGRAM_TIMEOUT_MS }
        execFile(program, words, options, (error, stdout, stderr) => {
          const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 127
          resolve({ status, output: `${stdout}${stderr}`.trim() })
        })
      }),
    has: (program) => path.split(':').some((folder) => folder !== '' && existsSync(join(folder, program))),
    setOwner: chownSync,
    health: readHealth,
    now: Date.now,
    sleep: async (milliseconds) => {
      await sleep(milliseconds)
    },
    print: (line) => {
      print(`${toTerminalText(line)}\n`)
    },
  }
}

function readHealth(socketPath: string): Promise<AgentHealth | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath, path: '/healthz', timeout: HEALTH_TIMEOUT_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () => {
        try {
          resolve(JSON.parse(text) as AgentHealth)
        } catch {
          resolve(undefined)
        }
      })
      response.on('error', () => resolve(undefined))
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(undefined))
    call.end()
  })
}
