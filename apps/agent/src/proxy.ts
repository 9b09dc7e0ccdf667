import http from 'node:http'
import { type Environment, EnvironmentError } from './environment.ts'

/** How requests to the platform leave this process. */
export interface ProxyUse {
  /** Host and port of the proxy, if one is used. */
  readonly proxy?: string
  /** Why the proxy of the environment is not used, and how to use it. */
  readonly problem?: string
  /** Stops using the proxy. */
  readonly restore?: () => void
}

/**
 * Lets requests of this process use the proxy of the environment, as curl does. Node reads these variables only if
 * `NODE_USE_ENV_PROXY` is 1. An agent of another type than `server` may reach its engine or its cluster by HTTP: it
 * uses a proxy only with that variable.
 *
 * @throws {EnvironmentError} when the proxy has no address of HTTP
 */
export function useProxy(environment: Environment, agentType: string): ProxyUse {
  const forHttps = find(environment, ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'])
  const forHttp = find(environment, ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'])
  const without = find(environment, ['no_proxy', 'NO_PROXY'])
  const first = forHttps ?? forHttp
  if (first === undefined) return {}
  if (environment.NODE_USE_ENV_PROXY === '1') return { proxy: toUrl(first).host }
  if (agentType !== 'server')
    return {
      problem: `${first.name} is not used: an agent of type \`${agentType}\` uses it only with NODE_USE_ENV_PROXY=1. Name what it watches in NO_PROXY then`,
    }
  const restore = http.setGlobalProxyFromEnv({
    ...(forHttps === undefined ? {} : { https_proxy: toUrl(forHttps).href }),
    ...(forHttp === undefined ? {} : { http_proxy: toUrl(forHttp).href }),
    ...(without === undefined ? {} : { no_proxy: without.value }),
  })
  return { proxy: toUrl(first).host, restore }
}

interface Variable {
  readonly name: string
  readonly value: string
}

/** Finds the first variable that is set. */
function find(environment: Environment, names: readonly string[]): Variable | undefined {
  return names.map((name) => ({ name, value: environment[name]?.trim() ?? '' })).find(({ value }) => value !== '')
}

/** As in curl, an address without a scheme is one of HTTP. The error leaves out the address and its password. */
function toUrl({ name, value }: Variable): URL {
  const text = value.includes('://') ? value : `http://${value}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url
  throw new EnvironmentError(`${name} is not an address such as http://proxy.example.com:3128. Correct it`)
}
