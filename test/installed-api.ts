import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A running API. */
export interface InstalledApi {
  readonly url: string
  readonly admin_token: string
  stop(): void
}

/**
 * Starts the API that npm installed into a folder. Resolves with the line that it prints, or with the error that ends
 * it.
 */
export async function startApi(
  folder: string,
  path: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<InstalledApi> {
  const env = { PATH: path, HOME: folder, PORT: '0', DATABASE_URL: 'sqlite::memory:', ...variables }
  const child = spawn(join(folder, 'node_modules/.bin/rca-api'), { cwd: folder, env })
  let errors = ''
  child.stderr.on('data', (data: Buffer) => {
    errors += String(data)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => reject(new Error(`rca-api ended with ${code}: ${errors}`)))
    createInterface(child.stdout).once('line', (line) =>
      resolve({ ...(JSON.parse(line) as { url: string; admin_token: string }), stop: () => child.kill() }),
    )
  })
}
