import { describe, expect, test } from 'vitest'
import { makeArtifacts } from './artifacts.ts'
import { startApi } from './kit.ts'

/** The routes without a token. All others are checked without being listed. */
const PUBLIC = new Set([
  '/healthz',
  '/readyz',
  '/openapi.json',
  '/docs',
  '/docs/',
  '/docs/js/scalar.js',
  '/charts/index.yaml',
  '/charts/:file',
  '/manifests/agent.yaml',
  '/install/:file',
  '/downloads/:file',
])

describe('authentication', () => {
  test('is required by every route but the public ones', async () => {
    const api = await startApi({ rateLimitUnauthenticated: 10_000, artifactsFolder: makeArtifacts().folder })
    const agentToken = await api.provision()
    const routes = api.app.routeMap.routes.flatMap((route) =>
      [route.method].flat().map((method) => ({
        method: method as 'GET',
        route: route.url,
        access: route.config?.access,
      })),
    )
    const chart = /agent-[\d.]+\.tgz/.exec((await api.app.inject('/charts/index.yaml')).body)?.[0] ?? ''
    const files: Record<string, string> = { '/install/:file': 'agent.sh', '/downloads/:file': 'SHA256SUMS' }
    const seen = new Set<string>()
    for (const { method, route, access } of routes) {
      const url = route.replace(':file', files[route] ?? chart).replaceAll(/:\w+/g, 'x')
      const isPublic = PUBLIC.has(route)
      if (isPublic) seen.add(route)
      const wrong = access === 'agent' ? api.adminToken : agentToken
      for (const authorization of [
        undefined,
        '',
        'Bearer',
        'Bearer ',
        'Bearer wrong',
        'Basic eDp5',
        `Bearer ${wrong}`,
        `Bearer ${api.adminToken}x`,
        'Bearer agent_prod-cluster-1_x',
        `Bearer agentkey_${'x'.repeat(43)}`,
      ]) {
        const response = await api.app.inject({
          method,
          url,
          headers: authorization === undefined ? {} : { authorization },
        })
        const label = `${method} ${route} with ${authorization}`
        if (isPublic) expect(response.statusCode, label).toBeLessThan(400)
        else {
          expect(response.statusCode, label).toBe(401)
          expect(response.headers['www-authenticate'], label).toMatch(/^Bearer/)
          expect(response.headers['content-type'], label).toBe('application/problem+json')
        }
      }
    }
    expect(routes.length).toBeGreaterThan(25)
    expect(seen).toEqual(PUBLIC)
  })

  test('is checked before the body is read', async () => {
    const api = await startApi()
    const response = await api.app.inject({
      method: 'POST',
      url: '/api/v1/agent/data',
      headers: { 'content-type': 'application/json' },
      payload: '{broken',
    })
    expect(response.statusCode).toBe(401)
  })
})
