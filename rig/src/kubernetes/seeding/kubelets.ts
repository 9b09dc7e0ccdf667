import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeCertificates } from '../../certificates.ts'
import type { ApiServer } from '../api-server.ts'

/** A process that serves the kubelet API of all nodes. */
export interface Kubelets {
  readonly port: number
  stop(): Promise<void>
}

/**
 * Serves the kubelet API of a seeded API server's nodes: usage of the nodes and of the pods that run there now.
 * Runs in a separate process. Nodes differ by their loopback addresses.
 */
export async function startKubelets(server: ApiServer): Promise<Kubelets> {
  const program = fileURLToPath(new URL('kubelets-process.ts', import.meta.url))
  const certificates = await certificate()
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  child.stdin.end(JSON.stringify({ url: server.url, ca: server.ca, token: server.tokenOf('admin'), ...certificates }))
  const [first] = await Promise.race([
    once(child.stdout.setEncoding('utf8'), 'data'),
    closed.then(([code]) => {
      throw new Error(`The kubelets process ended with ${code}.`)
    }),
  ])
  return {
    port: (JSON.parse(String(first)) as { port: number }).port,
    stop: async () => {
      child.kill()
      await closed
    },
  }
}

async function certificate(): Promise<{ certificate: string; key: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-kubelets-'))
  try {
    await makeCertificates(folder)
    const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
    return { certificate: read('cert.pem'), key: read('key.pem') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
