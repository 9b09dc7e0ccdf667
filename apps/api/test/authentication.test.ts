import { describe, expect, test } from 'vitest'
import { SCOPES, type Scope } from '../src/store/records.ts'
import { makeArtifacts } from './artifacts.ts'
import { AGENT_URL, agentIdOf, eventOf, metricOf, reportOf, startApi, type TestApi } from './kit.ts'

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

/** Every route and method of an API, as it was declared. */
function routesOf({ app }: TestApi) {
  return app.routeMap.routes.flatMap((route) =>
    [route.method].flat().map((method) => ({
      method: method as 'GET',
      route: route.url,
      access: route.config?.access,
      environment: route.config?.environment,
    })),
  )
}

describe('authentication', () => {
  test('is required by every route but the public ones', async () => {
    const api = await startApi({ rateLimitUnauthenticated: 10_000, artifactsFolder: makeArtifacts().folder })
    const agentToken = await api.provision()
    const routes = routesOf(api)
    const chart = /agent-[\d.]+\.tgz/.exec((await api.app.inject('/charts/index.yaml')).body)?.[0] ?? ''
    const files: Record<string, string> = { '/install/:file': 'agent.sh', '/downloads/:file': 'SHA256SUMS' }
    const seen = new Set<string>()
    for (const { method, route, access } of routes) {
      const url = route.replace(':file', files[route] ?? chart).replaceAll(/:\w+/g, 'x')
      const isPublic = PUBLIC.has(route)
      if (isPublic) seen.add(route)
      const wrong = access === 'agent' ? api.adminToken : agentToken
      const wrongOnes = [
        undefined,
        'Bearer wrong',
        '',
        'Bearer',
        'Bearer ',
        'Basic eDp5',
        `Bearer ${wrong}`,
        `Bearer ${api.adminToken}x`,
        'Bearer agent_prod-cluster-1_x',
        `Bearer agentkey_${'x'.repeat(43)}`,
        `Bearer access_${'x'.repeat(43)}`,
      ]
      for (const authorization of isPublic ? wrongOnes.slice(0, 2) : wrongOnes) {
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

  test('is declared by every route', async () => {
    for (const { method, route, access } of routesOf(await startApi()))
      expect(access, `${method} ${route}`).toBeDefined()
  })
})

describe('scopes', () => {
  test('open exactly the routes that declare them', async () => {
    const api = await startApi()
    const tokens = new Map<Scope, string>()
    for (const scope of SCOPES) tokens.set(scope, await api.createToken([scope]))
    const opened: Record<Scope, string[]> = { read: [], provision: [], manage: [] }
    for (const { method, route, access = 'admin' } of routesOf(api)) {
      if (access === 'public' || method === ('HEAD' as string)) continue
      const url = route.replace(':agent_id', agentIdOf('first')).replaceAll(/:\w+/g, 'x')
      for (const [scope, token] of tokens) {
        const response = await api.agent(token, { method, url })
        const label = `${method} ${route} with ${scope}`
        if (access === 'agent') expect(response.statusCode, label).toBe(401)
        else if (Array.isArray(access) && access.includes(scope)) {
          expect([401, 403], label).not.toContain(response.statusCode)
          opened[scope].push(`${method} ${route}`)
        } else {
          expect(response.statusCode, label).toBe(403)
          expect(response.headers['www-authenticate'], label).toContain('insufficient_scope')
          expect(response.json().detail, label).toMatch(/^The token `\S+` has the scopes `\w+`\. This route requires /)
        }
      }
      if (access !== 'agent') expect([401, 403]).not.toContain((await api.admin({ method, url })).statusCode)
    }
    expect(opened.read.every((route) => route.startsWith('GET '))).toBe(true)
    expect(opened.provision).toContain('POST /api/v1/agent/provision')
    expect(opened.manage).toContain('POST /api/v1/agents/:agent_id/revoke')
  })

  test('are alternatives: a token may have several', async () => {
    const api = await startApi()
    const token = await api.createToken(['read', 'provision'])
    expect((await api.agent(token, { url: '/api/v1/agents' })).statusCode).toBe(200)
    const payload = { agent_type: 'docker', environment_name: 'a' }
    const provision = { method: 'POST', url: '/api/v1/agent/provision', payload } as const
    expect((await api.agent(token, provision)).statusCode).toBe(201)
    expect((await api.agent(token, { method: 'POST', url: '/api/v1/environments/a/token/revoke' })).statusCode).toBe(
      403,
    )
  })
})

describe('a token that is limited to environments', () => {
  /** Two environments with data of the same agent, and events that name the environment. */
  async function seed(): Promise<TestApi> {
    const api = await startApi()
    for (const environment of ['ours', 'theirs']) {
      const token = await api.provision(environment)
      await api.heartbeat(token)
      await api.send(token, reportOf({ metrics: [metricOf(1)], events: [eventOf({ body: `In ${environment}.` })] }))
    }
    return api
  }

  test('gets nothing of another environment from any route', async () => {
    const api = await seed()
    const token = await api.createToken([...SCOPES], ['ours'])
    let answered = 0
    for (const { method, route, access, environment } of routesOf(api)) {
      if (!Array.isArray(access) || method === ('HEAD' as string)) continue
      const isTheirs = environment === 'path'
      const url = route
        .replace(':agent_id', agentIdOf('first'))
        .replace(':name', isTheirs ? 'theirs' : 'x')
        .replaceAll(/:\w+/g, 'docker')
      const query = route === '/api/v1/metrics' ? '?name=container.memory.usage' : ''
      const payload = { agent_type: 'docker', environment_name: 'theirs' }
      const label = `${method} ${route}`
      const body = route === '/api/v1/agent/provision' ? { payload } : {}
      const response = await api.agent(token, { method, url: url + query, ...body })
      if (environment === undefined || isTheirs || environment === 'body') expect(response.statusCode, label).toBe(403)
      else {
        expect([200, 404], label).toContain(response.statusCode)
        expect(response.body, label).not.toContain('theirs')
        if (response.statusCode === 200) answered += 1
      }
      if (environment !== 'query') continue
      const asked = await api.agent(token, { method, url: `${url}${query || '?'}&environment=theirs` })
      expect(asked.statusCode, label).toBe(403)
      expect(asked.json().errors, label).toEqual([
        { pointer: '#/query/environment', detail: 'This token is limited to environments: `ours`.' },
      ])
    }
    expect(answered).toBeGreaterThan(8)
    // Nothing of it was changed either.
    const { tokens } = (await api.admin('/api/v1/environments/theirs')).json()
    expect(tokens).toMatchObject([{ state: 'valid' }])
    expect(tokens).toHaveLength(1)
  })

  test('sees all of several environments, and may act in each', async () => {
    const api = await seed()
    await api.provision('third')
    const token = await api.createToken(['read', 'manage'], ['theirs', 'ours'])
    const read = async (url: string) => (await api.agent(token, { url })).json()
    const names = (await read('/api/v1/environments')).environments.map(({ name }: { name: string }) => name)
    expect(names).toEqual(['ours', 'theirs'])
    const of = ({ environment }: { environment: string }) => environment
    expect((await read('/api/v1/agents')).agents.map(of)).toEqual(['ours', 'theirs'])
    expect((await read('/api/v1/agents?environment=ours')).agents.map(of)).toEqual(['ours'])
    expect((await read('/api/v1/events')).events.map(of).sort()).toEqual(['ours', 'theirs'])
    expect((await api.agent(token, { url: AGENT_URL })).statusCode).toBe(409)
    const rotate = { method: 'POST', url: '/api/v1/environments/theirs/token/rotate' } as const
    expect((await api.agent(token, rotate)).statusCode).toBe(200)
  })
})
