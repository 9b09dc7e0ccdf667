/// <reference lib="es2025.regexp" />
// `RegExp.escape`: Node 24 has it, `es2024` of the compiler does not.
import type { FastifyInstance, RouteOptions } from 'fastify'

/** Which methods a path answers: tells a wrong method from a wrong path. */
export interface RouteMap {
  /** Empty where no route has this path. */
  methodsOf(path: string): string[]
  /** Every route as it was declared. */
  readonly routes: readonly RouteOptions[]
}

/** Follows the routes that are added to an app from now on. */
export function createRouteMap(app: Pick<FastifyInstance, 'addHook'>): RouteMap {
  const routes: RouteOptions[] = []
  const patterns: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = []
  app.addHook('onRoute', (route) => {
    routes.push(route)
    const source = route.url
      .split('/')
      .map((part) => (part.startsWith(':') ? '[^/]+' : RegExp.escape(part)))
      .join('/')
    patterns.push({ pattern: new RegExp(`^${source}$`), methods: [route.method].flat() })
  })
  return {
    routes,
    methodsOf: (path) =>
      [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))].sort(),
  }
}
