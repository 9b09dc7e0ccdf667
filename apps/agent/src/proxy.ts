import http from 'node:http'
import type { Environment } from './environment.ts'

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
 */
export function useProxy(environment: Environment, agentType: string): ProxyUse {
  const { forHttps, forHttp, noProxy } = findProxies(environment)
  const found = [forHttps, forHttp].filter((proxy) => proxy !== undefined)
  const [first] = found
  if (first === undefined) return {}
  if (environment.NODE_USE_ENV_PROXY !== '1' && agentType !== 'server')
    return {
      problem: `${first.name} is not used: an agent of type \`${agentType}\` uses it only with NODE_USE_ENV_PROXY=1. Name what it watches in NO_PROXY then`,
    }
  const unusable = found.find(({ address }) => address === undefined)
  const problem = unusable && { problem: `${unusable.name} is not used: it is ${NOT_AN_ADDRESS}` }
  const address = forHttps?.address ?? forHttp?.address
  if (address === undefined) return { ...problem }
  if (typeof http.setGlobalProxyFromEnv !== 'function')
    return {
      problem: `${first.name} is not used: Node.js ${process.versions.node} cannot. Run the agent with Node.js 26 or newer`,
    }
  // With NODE_USE_ENV_PROXY, Node has read the same variables, but not ALL_PROXY.
  const restore = http.setGlobalProxyFromEnv({
    ...(forHttps?.address === undefined ? {} : { https_proxy: forHttps.address }),
    ...(forHttp?.address === undefined ? {} : { http_proxy: forHttp.address }),
    ...(noProxy === undefined ? {} : { no_proxy: noProxy }),
  })
  return { proxy: new URL(address).host, restore, ...problem }
}

/** End of a message about the address of a proxy that cannot be used. */
export const NOT_AN_ADDRESS = 'not an address such as http://proxy.example.com:3128. Correct it'

/** A variable that names a proxy. */
export interface ProxyVariable {
  readonly name: string
  /** Address with its scheme. Absent if it is not one of HTTP. */
  readonly address?: string | undefined
}

/** The proxies of an environment, and the hosts that are reached without them. */
export interface Proxies {
  readonly forHttps?: ProxyVariable | undefined
  readonly forHttp?: ProxyVariable | undefined
  readonly noProxy?: string | undefined
}

/** Finds the proxies of an environment, as curl does. */
export function findProxies(environment: Environment): Proxies {
  const find = (names: readonly string[]): ProxyVariable | undefined => {
    const variable = findVariable(environment, names)
    return variable && { name: variable.name, address: toAddress(variable.value) }
  }
  return {
    forHttps: find(['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']),
    forHttp: find(['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']),
    noProxy: findVariable(environment, ['no_proxy', 'NO_PROXY'])?.value,
  }
}

/** Finds the first variable that is set. */
function findVariable(environment: Environment, names: readonly string[]): { name: string; value: string } | undefined {
  return names.map((name) => ({ name, value: environment[name]?.trim() ?? '' })).find(({ value }) => value !== '')
}

/** As in curl, an address without a scheme is one of HTTP. */
function toAddress(value: string): string | undefined {
  const address = value.includes('://') ? value : `http://${value}`
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) ? address : undefined
}
