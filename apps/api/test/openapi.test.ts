import { server } from '@rca/connector-server'
import { createRegistry } from '@rca/core'
import { problemSchema } from '@rca/core/protocol'
import { describe, expect, test, vi } from 'vitest'
import { startApi, type TestApi } from './kit.ts'

interface Media {
  readonly schema?: { readonly $ref?: string }
  readonly example?: unknown
}

interface Operation {
  readonly summary?: string
  readonly operationId?: string
  readonly security?: readonly Record<string, unknown>[]
  readonly tags?: readonly string[]
  readonly requestBody?: { readonly content: Record<string, Media> }
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, Media> }>
}

describe('the OpenAPI document', () => {
  test('is built once', async () => {
    const api = await startApi()
    const build = vi.spyOn(api.app, 'swagger')
    for (let count = 0; count < 2; count += 1) expect((await api.app.inject('/openapi.json')).statusCode).toBe(200)
    expect(build).toHaveBeenCalledTimes(1)
  })

  test('describes every route, its token and its problems in OpenAPI 3.1', async () => {
    const api = await startApi()
    const response = await api.app.inject('/openapi.json')
    const document = response.json()
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.components.securitySchemes)).toEqual(['admin', 'access', 'agent'])
    const ids = new Set<string>()
    let operations = 0
    for (const route of api.app.routeMap.routes) {
      if (route.schema?.hide === true) continue
      for (const method of [route.method].flat()) {
        if (method === 'HEAD') continue
        const label = `${method} ${route.url}`
        const operation: Operation = document.paths[route.url.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
        expect(operation, label).toBeDefined()
        expect(operation.summary, label).toMatch(/^[A-Z]/)
        expect(operation.tags, label).toHaveLength(1)
        ids.add(operation.operationId ?? '')
        operations += 1
        const { access = 'undeclared' } = route.config ?? {}
        const expected = Array.isArray(access)
          ? [...access.map((scope) => ({ access: [scope] })), { admin: [] }]
          : [{ [access as string]: [] }]
        expect(operation.security, label).toEqual(access === 'public' ? undefined : expected)
        for (const [status, answer] of Object.entries(operation.responses)) {
          expect(answer.description, `${label} ${status}`).toMatch(/^(?!Default).+\.$/)
          if (Number(status) >= 400)
            expect(Object.keys(answer.content ?? {}), `${label} ${status}`).toEqual(['application/problem+json'])
        }
        if (access !== 'public')
          expect(Object.keys(operation.responses), label).toEqual(expect.arrayContaining(['401', '403', '429', '503']))
        if (method === 'POST')
          expect(Object.keys(operation.responses), label).toEqual(
            expect.arrayContaining(['400', '408', '413', '415', '422']),
          )
      }
    }
    expect(ids.size).toBe(operations)
    expect(operations).toBeGreaterThan(15)
  })

  test('contains every referenced schema and no others', async () => {
    const api = await startApi()
    const text = (await api.app.inject('/openapi.json')).body
    const document = JSON.parse(text)
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1] ?? '')
    expect(references.length).toBeGreaterThan(10)
    expect(references.filter((name) => !Object.hasOwn(document.components.schemas, name))).toEqual([])
    expect(Object.keys(document.components.schemas).filter((name) => !references.includes(name))).toEqual([])
    expect(text).not.toContain('"$schema"')
    const step = document.paths['/api/v1/metrics'].get.parameters.find(
      (parameter: { name: string }) => parameter.name === 'step',
    )
    expect(step.description).toMatch(/^Length of one bucket/)
    for (const response of ['ProvisionResponse', 'RotatedToken'])
      expect(document.components.schemas[response].properties.alternatives.additionalProperties).toEqual({
        $ref: '#/components/schemas/DeploymentAlternative',
      })
    expect(document.components.schemas.DeploymentAlternative.required).toEqual(['deployment_command', 'instructions'])
    expect(document.components.schemas.Report.properties.report_id.description).toMatch(/^UUIDv7/)
  })
})

/** Names a token of a route. That the admin token opens every scope is said once. */
function toToken(alternative: Record<string, unknown>, _index: number, all: readonly object[]): string {
  const [[kind, scopes] = ['', []]] = Object.entries(alternative) as [string, readonly string[]][]
  return kind === 'access' ? scopes.join() : all.length === 1 ? kind : ''
}

test('routes.md lists every route', async () => {
  const api = await startApi()
  const { paths } = (await api.app.inject('/openapi.json')).json() as {
    paths: Record<string, Record<string, Operation>>
  }
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { summary = '', security = [{ none: [] }] }]) => [
      `\`${method.toUpperCase()} ${path}\``,
      security.map(toToken).filter(Boolean).join(', '),
      summary,
    ]),
  )
  const cells = [['route', 'token', 'summary'], ['', '', ''], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const table = cells.map((row, index) => {
    const padded = row.map((cell, column) => cell.padEnd(widths[column] ?? 0, index === 1 ? '-' : ' '))
    return `| ${padded.join(' | ')} |`
  })
  const text = `# Routes\n\nGenerated from the OpenAPI document: \`npx vitest run --project api openapi -u\`.\n\n${table.join('\n')}\n`
  await expect(text).toMatchFileSnapshot('../routes.md')
})

describe('servers', () => {
  test('are the public address, or else the listening one, and the address of the document', async () => {
    const urls = async (api: TestApi): Promise<string[]> =>
      (await api.app.inject('/openapi.json')).json().servers.map(({ url }: { url: string }) => url)
    expect(await urls(await startApi({ publicUrl: 'https://rca.example.com/' }))).toEqual([
      'https://rca.example.com',
      '/',
    ])
    const api = await startApi({ publicUrl: undefined as unknown as string })
    const url = await api.listen()
    expect(await urls(api)).toEqual([url, '/'])
  })
})

describe('examples', () => {
  /** Returns every example of the document with the name of its schema. */
  async function examples(api: TestApi): Promise<{ name: string; example: unknown; status: string }[]> {
    const { paths } = (await api.app.inject('/openapi.json')).json() as {
      paths: Record<string, Record<string, Operation>>
    }
    return Object.values(paths)
      .flatMap((path) => Object.values(path))
      .flatMap(({ requestBody, responses }) => [
        ...Object.values(requestBody?.content ?? {}).map((media) => ({ ...media, status: '' })),
        ...Object.entries(responses).flatMap(([status, { content }]) =>
          Object.values(content ?? {}).map((media) => ({ ...media, status })),
        ),
      ])
      .filter(({ example }) => example !== undefined)
      .map(({ schema, example, status }) => ({ name: schema?.$ref?.split('/').at(-1) ?? '', example, status }))
  }

  test('exist for the main bodies and for every problem', async () => {
    const all = await examples(await startApi())
    expect([...new Set(all.map(({ name }) => name))].sort()).toEqual([
      'AgentKey',
      'CreateAccessToken',
      'CreatedAccessToken',
      'DataRequest',
      'DataResponse',
      'EnrollRequest',
      'HeartbeatRequest',
      'HeartbeatResponse',
      'Problem',
      'ProvisionRequest',
      'ProvisionResponse',
      'RotateKeyRequest',
    ])
    const problems = all.filter(({ name }) => name === 'Problem')
    expect([...new Set(problems.map(({ status }) => status))].sort()).toEqual([
      '400',
      '401',
      '403',
      '404',
      '408',
      '409',
      '413',
      '415',
      '416',
      '422',
      '429',
      '500',
      '503',
    ])
    for (const { example, status } of problems) {
      expect(problemSchema.parse(example)).toEqual(example)
      expect(example).toMatchObject({ status: Number(status) })
    }
  })

  test('are accepted unchanged, and match the responses', async () => {
    const api = await startApi({ registry: createRegistry([server]) })
    const all = await examples(api)
    const exampleOf = (wanted: string) => all.find(({ name }) => name === wanted)?.example as Record<string, unknown>
    const post = (token: string, path: string, payload: object) =>
      api.agent(token, { method: 'POST', url: `/api/v1/agent/${path}`, payload })
    const created = await post(api.adminToken, 'provision', exampleOf('ProvisionRequest'))
    expect(created.statusCode).toBe(201)
    expect(created.json()).toMatchObject({
      agent_type: exampleOf('ProvisionResponse').agent_type,
      environment_name: exampleOf('ProvisionResponse').environment_name,
    })
    const { agent_token: token, alternatives } = created.json()
    const shown = JSON.parse(
      JSON.stringify(exampleOf('ProvisionResponse')).replaceAll(
        String(exampleOf('ProvisionResponse').agent_token),
        token,
      ),
    )
    expect(shown).toMatchObject(alternatives.linux)
    const data = await post(token, 'data', exampleOf('DataRequest'))
    expect([data.statusCode, data.json()]).toEqual([202, exampleOf('DataResponse')])
    const heartbeat = await post(token, 'heartbeat', exampleOf('HeartbeatRequest'))
    expect([heartbeat.statusCode, heartbeat.json()]).toEqual([200, exampleOf('HeartbeatResponse')])
    const enrolled = await post(token, 'enroll', exampleOf('EnrollRequest'))
    const { expires_at } = exampleOf('AgentKey')
    expect([enrolled.statusCode, enrolled.json()]).toMatchObject([201, { expires_at }])
    const rotated = await post(enrolled.json().agent_key, 'key/rotate', exampleOf('RotateKeyRequest'))
    expect([rotated.statusCode, rotated.json()]).toMatchObject([201, { expires_at }])
  })
})

describe('the reference', () => {
  test('loads only files of the API', async () => {
    const api = await startApi()
    const moved = await api.app.inject('/docs')
    expect([moved.statusCode, moved.headers.location]).toEqual([301, '/docs/'])
    const page = await api.app.inject('/docs/')
    const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1])
    expect(loaded).toEqual(['js/scalar.js'])
    const script = await api.app.inject('/docs/js/scalar.js')
    expect([script.statusCode, script.headers['content-type'], script.body.length > 100_000]).toEqual([
      200,
      'application/javascript; charset=utf-8',
      true,
    ])
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(page.headers['content-security-policy']).not.toMatch(/https?:|\*/)
  })
})

describe('operations', () => {
  test('report readiness and metrics', async () => {
    const api = await startApi()
    expect((await api.app.inject('/readyz')).json()).toEqual({ status: 'ok' })
    await api.provision()
    const metrics = await api.admin('/metrics')
    expect(metrics.headers['content-type']).toMatch(/^text\/plain/)
    expect(metrics.body).toMatch(
      /rca_api_http_request_duration_seconds_count\{method="POST",route="\/api\/v1\/agent\/provision",status="201"\} 1/,
    )
    expect(metrics.body).toMatch(/^process_resident_memory_bytes \d+/m)
    await api.close()
  })
})
