import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { ApiServer } from '../api-server.ts'

export interface ChurnOptions {
  /** Changes per second. */
  readonly rate: number
  readonly seconds: number
}

export interface Churned {
  readonly updates: number
  /** Actual duration. */
  readonly seconds: number
}

/** Toggles the readiness of pods as kubelets do, one status update per change. Runs in a separate process. */
export async function churnPods(server: ApiServer, { rate, seconds }: ChurnOptions): Promise<Churned> {
  const program = fileURLToPath(new URL('churn-process.ts', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ url: server.url, ca: server.ca, token: server.tokenOf('admin'), rate, seconds }))
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) throw new Error(`The churn process ended with ${code}.`)
  return JSON.parse(output) as Churned
}
