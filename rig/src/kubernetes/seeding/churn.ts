import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ApiServer } from '../api-server.ts'

/** How pods are made to change. */
export interface ChurnOptions {
  /** Changes in a second. */
  readonly rate: number
  readonly seconds: number
}

/** What was changed. */
export interface Churned {
  readonly updates: number
  /** How long it really took. */
  readonly seconds: number
}

/** Lets readiness of pods come and go, as their kubelets report it: one update of its status for each. From a process of its own. */
export async function churnPods(server: ApiServer, { rate, seconds }: ChurnOptions): Promise<Churned> {
  const program = fileURLToPath(new URL('churn-process.ts', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ url: server.url, ca: server.ca, token: server.tokenOf('admin'), rate, seconds }))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`The process that changes pods ended with ${code}.`)
  return JSON.parse(text) as Churned
}
