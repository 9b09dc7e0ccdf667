import { readFile } from 'node:fs/promises'
import { Agent as HttpsAgent } from 'node:https'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { Access } from './access.ts'
import { KubernetesError } from './errors.ts'

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Returns how a pod reaches the API server. The kubelet replaces the token's file before the token expires, so it is
 * read for every request. Does not use the client library, whose import takes 75 MB of memory.
 *
 * @throws KubernetesError outside of a pod, and in a pod without a service account
 */
export async function inClusterAccess(
  environment: Readonly<Record<string, string | undefined>>,
  folder: string = SERVICE_ACCOUNT,
): Promise<Access> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment
  if (host === '')
    throw new KubernetesError(
      'No cluster: `kubeconfig` is not set, and this is not a pod (no KUBERNETES_SERVICE_HOST). Set `kubeconfig` to a file',
    )
  const read = (name: string): Promise<string> => readServiceAccount(folder, name)
  const namespace = await read('namespace').catch(() => undefined)
  return {
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    namespace,
    credentials: async () => {
      const [token, ca] = await Promise.all([read('token'), read('ca.crt')])
      return {
        headers: { authorization: `Bearer ${token}` },
        connection: ca,
        createAgent: (options) => new HttpsAgent({ ...options, ca }),
      }
    },
  }
}

async function readServiceAccount(folder: string, name: string): Promise<string> {
  try {
    return (await readFile(join(folder, name), 'utf8')).trim()
  } catch (error) {
    throw new KubernetesError(
      `${join(folder, name)} cannot be read: give the pod a service account and leave \`automountServiceAccountToken\` on`,
      { cause: error },
    )
  }
}
