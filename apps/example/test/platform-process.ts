import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ky, { type KyInstance } from 'ky'
import type { Provision } from '../src/platform.ts'
import { eventually, startProgram } from './processes.ts'

const repository = new URL('../../..', import.meta.url).pathname
const ADMIN = 'an-admin-token-of-this-test'

/** Body of `POST /api/v1/agent/provision`. */
export interface ProvisionRequest {
  readonly agent_type: string
  readonly environment_name: string
  readonly config?: Readonly<Record<string, unknown>>
}

/** The answer to `POST /api/v1/agent/provision`: the fields that tests use. */
export interface Provisioned extends Provision {
  readonly verify_command: string
  readonly uninstall_command: string
  readonly alternatives?: Readonly<
    Record<string, { readonly deployment_command: string; readonly uninstall_command: string }>
  >
}

/** The API as a process of its own, with calls over HTTP. */
export interface PlatformProcess {
  readonly url: string
  readonly adminToken: string
  readonly http: KyInstance
  provision(request: ProvisionRequest): Promise<Provisioned>
  /** Reads a path below `/api/v1/`. */
  get<Answer>(path: string, query?: Readonly<Record<string, string | number>>): Promise<Answer>
  /** Log so far. */
  log(): string
  stop(): Promise<unknown>
}

/**
 * Starts the API on a free loopback port, with a database in `directory`.
 *
 * @param more further environment variables
 */
export async function startPlatformProcess(
  directory: string,
  more: Readonly<Record<string, string>> = {},
): Promise<PlatformProcess> {
  const env = {
    PORT: '0',
    RCA_ADMIN_TOKEN: ADMIN,
    DATABASE_URL: `sqlite:${join(directory, 'rca.sqlite')}`,
    RCA_HEARTBEAT_INTERVAL: '1s',
    ...more,
  }
  const pnpm = join(repository, 'node_modules/.bin/pnpm')
  const program = startProgram(pnpm, ['--filter', '@rca/api', 'start'], { cwd: repository, env })
  const line = await eventually('the API printing its address', () => {
    if (program.hasEnded()) return program.stderr()
    return /^\{.*\}$/m.exec(program.stdout())?.[0]
  })
  const { url } = JSON.parse(line) as { url: string }
  // On a busy machine, loading delays the event loop for so long that the first requests are refused with 503.
  const headers = { authorization: `Bearer ${ADMIN}` }
  await eventually('the API accepting requests', async () => (await fetch(`${url}/api/v1/agents`, { headers })).ok)
  const http = ky.create({ prefix: url, headers: { authorization: `Bearer ${ADMIN}` }, retry: 0 })
  return {
    url,
    adminToken: ADMIN,
    http,
    provision: (request) => http.post('api/v1/agent/provision', { json: request }).json(),
    get: (path, query = {}) => http.get(`api/v1/${path}`, { searchParams: { ...query } }).json(),
    log: () => program.stdout() + program.stderr(),
    stop: () => program.stop(),
  }
}

/** Provisions with curl, as a person would. */
export async function provisionByCurl(
  { url, adminToken }: PlatformProcess,
  request: ProvisionRequest,
): Promise<Provisioned> {
  const headers = [`Authorization: Bearer ${adminToken}`, 'Content-Type: application/json']
  const words = ['-fsS', `${url}/api/v1/agent/provision`, ...headers.flatMap((line) => ['-H', line])]
  const { stdout } = await promisify(execFile)('curl', [...words, '-d', JSON.stringify(request)])
  return JSON.parse(stdout) as Provisioned
}
