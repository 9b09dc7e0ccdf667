import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiServer } from '@rca/rig'
import type { ChildOptions } from './children.ts'

/**
 * Starts a process like the agent in a pod, where it needs no client library, whose import takes 75 MB. A private mount
 * replaces that of the kubelet. A user without permission to mount gets a kubeconfig.
 *
 * @param flags of Node
 */
export function inPod(
  server: ApiServer,
  folder: string,
  flags: readonly string[],
  words: readonly string[],
): ChildOptions {
  if (process.getuid?.() !== 0) return { flags, words: [...words, server.kubeconfig] }
  const account = join(folder, 'account')
  mkdirSync(account, { recursive: true })
  const files = { token: server.tokenOf('admin'), 'ca.crt': server.ca, namespace: 'incident-rca' }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(account, name), text)
  const { hostname, port } = new URL(server.url)
  const parent = '/run/secrets/kubernetes.io'
  const script = `mount -t tmpfs none /run && mkdir -p ${parent} && cp -r "$0" ${parent}/serviceaccount && exec "$@"`
  return {
    flags,
    words,
    // As the image sets it.
    environment: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, MALLOC_ARENA_MAX: '1' },
    prefix: ['unshare', '--mount', 'sh', '-c', script, account],
  }
}
