import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ADMIN_TOKEN = 'token-of-the-benchmark'

/** An API in a process of its own, with an empty database. */
export interface PlatformProcess {
  readonly url: string
  readonly pid: number
  /** Provisions agents of type `server`, and returns their token. */
  provision(): Promise<string>
  /** Reads the CPU seconds and resident bytes of the process so far. */
  usage(): Promise<{ readonly cpu: number; readonly memory: number }>
  /** Bytes of the database and its write-ahead log. */
  databaseBytes(): number
  stop(): Promise<void>
}

/** Starts an API without a limit of requests. With `RCA_BENCH_PROFILE=<folder>`, it writes a CPU profile there. */
export async function startPlatform(): Promise<PlatformProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'rca-bench-'))
  const { RCA_BENCH_PROFILE: profile } = process.env
  const child = spawn(
    process.execPath,
    [
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
      '--conditions=@rca/source',
      fileURLToPath(new URL('../src/main.ts', import.meta.url)),
    ],
    {
      env: {
        ...process.env,
        PORT: '0',
        DATABASE_URL: `sqlite:${join(directory, 'rca.sqlite')}`,
        RCA_RATE_LIMIT: '1000000000',
        // All agents of a benchmark share one token; real ones have keys, and limits, of their own.
        RCA_MAX_CONCURRENT_REQUESTS: '1000',
        RCA_MAX_AGENTS_PER_TOKEN: '1000000',
        LOG_LEVEL: 'error',
        RCA_ADMIN_TOKEN: ADMIN_TOKEN,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }
  return {
    url,
    pid: child.pid!,
    provision: async () => {
      const body = JSON.stringify({ agent_type: 'server', environment_name: 'bench' })
      const response = await fetch(`${url}/api/v1/agent/provision`, { method: 'POST', headers, body })
      return ((await response.json()) as { agent_token: string }).agent_token
    },
    usage: async () => {
      const text = await (await fetch(`${url}/metrics`, { headers })).text()
      const read = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
      return { cpu: read('process_cpu_seconds_total'), memory: read('process_resident_memory_bytes') }
    },
    databaseBytes: () =>
      readdirSync(directory)
        .filter((name) => /sqlite(-wal)?$/.test(name))
        .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0),
    stop: async () => {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      rmSync(directory, { recursive: true })
    },
  }
}
