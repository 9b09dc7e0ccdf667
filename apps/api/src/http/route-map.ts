import type { FastifyInstance, RouteOptions } from 'fastify'
import { ProblemError } from './problem-error.ts'

/** The routes of an app by path, to distinguish a wrong method from a wrong path. */
export interface RouteMap {
  /** Returns 405 with the allowed methods where the path exists, and 404 where it does not. */
  notFound(request: { readonly method: string; readonly url: string }): ProblemError
  /** Every route as it was declared. */
  readonly routes: readonly RouteOptions[]
}

/** Records the routes that are added to an app from now on. */
export function createRouteMap(app: Pick<FastifyInstance, 'addHook'>): RouteMap {
  const routes: RouteOptions[] = []
  const patterns: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = []
  app.addHook('onRoute', (route) => {
    routes.push(route)
    const source = route.url
      .split('/')
      .map((part) => (part.startsWith(':') ? '[^/]+' : escapeForRegExp(part)))
      .join('/')
    patterns.push({ pattern: new RegExp(`^${source}$`), methods: [route.method].flat() })
  })
  return {
    routes,
    notFound: ({ method, url }) => {
      const path = url.split('?')[0] ?? url
      const methods = new Set(patterns.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))
      if (methods.size === 0) return new ProblemError(404, 'Unknown route. `GET /openapi.json` lists all routes.')
      const allow = [...methods].sort().join(', ')
      return new ProblemError(405, `This route does not support ${method}. It supports ${allow}.`, {
        headers: { allow },
      })
    },
  }
}

/** `RegExp.escape` of Node 24, for Node 22. */
function escapeForRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}
