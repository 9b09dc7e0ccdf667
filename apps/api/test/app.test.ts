import { createRegistry } from '@rca/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { createConnectorHost } from '../src/connectors/connector-host.ts'
import { createAgentFiles } from '../src/helm/agent-files.ts'
import { createApp } from '../src/http/app.ts'
import { credentialOf } from '../src/http/authentication.ts'
import type { AddRoutes } from '../src/http/context.ts'
import { named, problems } from '../src/http/openapi-schemas.ts'
import { completeOptions } from '../src/options/api-options.ts'
import { addOperationRoutes } from '../src/routes/operations.ts'
import { openStore } from '../src/store/open-store.ts'

const greeting = named('Greeting', z.object({ text: z.string() }), { text: 'Hello, web-1.' })

/** A new route: one function with its schema and example. */
const addGreetingRoute: AddRoutes = (app) => {
  const schema = {
    operationId: 'greet',
    summary: 'Greet a host',
    params: z.object({ host: z.string().max(5) }),
    success: 'A greeting.',
    response: { 200: greeting, ...problems(422) },
  }
  app.get('/greetings/:host', { schema }, (request) => ({ text: `Hello, ${request.params.host}.` }))
  app.get('/token', { schema: { hide: true } }, (request) => ({ id: credentialOf(request).id }))
}

async function startApp(ping: () => Promise<void> = async () => undefined) {
  const store = await openStore('sqlite::memory:')
  const options = { ...completeOptions({ checkResponses: true, maxEventLoopDelayMs: 0 }), adminToken: 'admin' }
  const registry = createRegistry([])
  const context = {
    store: { ...store, ping },
    registry,
    connectors: createConnectorHost(registry),
    agentFiles: createAgentFiles('/nowhere'),
    agentFolder: '/nowhere',
    artifactsFolder: '/nowhere',
    now: () => 0,
    publicUrl: () => 'https://rca.example.com',
    addressWarnings: () => [],
    heartbeatSeconds: 30,
    graceSeconds: 0,
    agentKeyTtlMs: 1,
  }
  const app = await createApp(options, context, [addGreetingRoute, addOperationRoutes])
  onTestFinished(async () => {
    await app.close()
    await store.close()
  })
  const get = (url: string) => app.inject({ url, headers: { authorization: 'Bearer admin' } })
  return { app, get }
}

describe('createApp', () => {
  test('authenticates, validates and documents a route from the table', async () => {
    const { app, get } = await startApp()
    expect((await app.inject('/greetings/web-1')).statusCode).toBe(401)
    expect((await get('/greetings/web-1')).json()).toEqual({ text: 'Hello, web-1.' })
    expect((await get('/greetings/web-11')).json()).toMatchObject({ errors: [{ pointer: '#/path/host' }] })
    const { get: operation } = (await get('/openapi.json')).json().paths['/greetings/{host}']
    expect(operation).toMatchObject({ security: [{ admin: [] }], responses: { 422: {} } })
    expect(operation.responses[200]).toMatchObject({
      description: 'A greeting.',
      content: { 'application/json': { example: { text: 'Hello, web-1.' } } },
    })
  })

  test('answers an unexpected error with 500, without its message', async () => {
    const response = await (await startApp()).get('/token')
    expect([response.statusCode, response.json().detail]).toEqual([
      500,
      'Internal error. The log of the platform has the cause.',
    ])
  })

  test('is not ready while the store cannot be used', async () => {
    const { get } = await startApp(() => Promise.reject(new Error('disk failure')))
    const response = await get('/readyz')
    expect([response.statusCode, response.headers['retry-after'], response.json().detail]).toEqual([
      503,
      expect.stringMatching(/^1[0-5]$/),
      'The store cannot be used.',
    ])
    expect((await get('/healthz')).json()).toEqual({ status: 'ok' })
  })
})
