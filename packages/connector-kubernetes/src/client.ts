import type { Agent } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import type { Access } from './api/access.ts'
import { createApiClient } from './api/api-client.ts'
import { KubernetesError } from './api/errors.ts'
import { inClusterAccess } from './api/in-cluster.ts'
import type { KubernetesApi } from './api/kubernetes-api.ts'

/** Selects a cluster. */
export interface ClusterConfig {
  /** Path of a kubeconfig file, or several as in `KUBECONFIG`. Without it the agent runs in a pod of the cluster. */
  readonly kubeconfig?: string | undefined
  /** @default the file's current context */
  readonly context?: string | undefined
}

/** Opens no connection before the first request. @throws KubernetesError when the address of the cluster is unknown */
export async function openKubernetes({ kubeconfig, context }: ClusterConfig): Promise<KubernetesApi> {
  if (kubeconfig === undefined) return createApiClient(await inClusterAccess(process.env))
  return createApiClient(await kubeconfigAccess(kubeconfig, context))
}

type AppliedOptions = RequestOptions & { headers: Record<string, unknown> }

/** Reads a kubeconfig's context, with every way to authenticate: certificates, tokens, exec plugins. */
export async function kubeconfigAccess(path: string, context?: string): Promise<Access> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node')
  const config = load(() => new Config(), path)
  if (context !== undefined) config.setCurrentContext(context)
  const { server, namespace } = place(config, path)
  const options = async (): Promise<AppliedOptions> => {
    const applied: AppliedOptions = { headers: {} }
    try {
      await config.applyToHTTPSOptions(applied as RequestOptions)
    } catch (error) {
      throw new KubernetesError(
        `\`kubeconfig\`: the credentials of context \`${config.getCurrentContext()}\` cannot be loaded: ${messageOf(error)}`,
        { cause: error },
      )
    }
    return applied
  }
  return {
    server,
    namespace,
    credentials: async () => {
      const applied = await options()
      return {
        headers: headersOf(applied),
        connection: [applied.ca, applied.cert, applied.key].map(String).join('\n'),
        createAgent: async ({
          keepAlive = true,
          maxSockets = Number.POSITIVE_INFINITY,
          maxFreeSockets = 2,
          ...more
        }) => {
          // The library's agent supports proxies, but sets no options for persistent connections.
          const agent = (await options()).agent as Agent & { keepAlive: boolean; options: object }
          Object.assign(agent.options, more)
          return Object.assign(agent, { keepAlive, maxSockets, maxFreeSockets })
        },
      }
    },
  }
}

/** @throws KubernetesError when a file cannot be read or is not a kubeconfig */
function load(create: () => KubeConfig, path: string): KubeConfig {
  const files = path.split(process.platform === 'win32' ? ';' : ':').filter((file) => file !== '')
  const configs = files.map((file) => {
    const config = create()
    try {
      config.loadFromFile(file)
    } catch (error) {
      throw new KubernetesError(`\`kubeconfig\`: ${file} cannot be read: ${messageOf(error)}`, { cause: error })
    }
    return config
  })
  const [first, ...others] = configs
  if (first === undefined) throw new KubernetesError('`kubeconfig` names no file')
  try {
    for (const other of others) first.mergeConfig(other, first.getCurrentContext() !== undefined)
  } catch (error) {
    throw new KubernetesError(`\`kubeconfig\`: the files cannot be used together: ${messageOf(error)}`, {
      cause: error,
    })
  }
  return first
}

/** @throws KubernetesError when the context is incomplete */
function place(config: KubeConfig, path: string) {
  const name = config.getCurrentContext()
  const context = config.getContextObject(name)
  const known = config.getContexts().map((one) => `\`${one.name}\``)
  if (context === null)
    throw new KubernetesError(
      `\`kubeconfig\`: ${path} has no context \`${name ?? ''}\`; it has ${known.join(', ') || 'none'}`,
    )
  const cluster = config.getCurrentCluster()
  if (cluster === null || !URL.canParse(cluster.server ?? ''))
    throw new KubernetesError(`\`kubeconfig\`: context \`${name}\` of ${path} names no cluster with an address`)
  return { server: new URL(cluster.server), namespace: context.namespace }
}

/** Trims values: token files end with a line break, which a header must not contain. */
function headersOf({ headers, auth }: AppliedOptions): Record<string, string> {
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value).trim()])
  const basic = auth ? [['authorization', `Basic ${Buffer.from(auth).toString('base64')}`]] : []
  return Object.fromEntries([...basic, ...given])
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
