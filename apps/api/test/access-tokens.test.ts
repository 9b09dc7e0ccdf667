import { describe, expect, test } from 'vitest'
import { at, DAY, SECOND, START, startApi, type TestApi } from './kit.ts'

const create = (api: TestApi, payload: object) => api.admin({ method: 'POST', url: '/api/v1/access-tokens', payload })

const list = async (api: TestApi) => (await api.admin('/api/v1/access-tokens')).json().access_tokens

const statusOf = async (api: TestApi, token: string) => (await api.agent(token, { url: '/api/v1/agents' })).statusCode

describe('access tokens', () => {
  test('are shown once, and listed without the token', async () => {
    const api = await startApi()
    const response = await create(api, { name: 'grafana', scopes: ['manage', 'read', 'read'] })
    expect(response.statusCode).toBe(201)
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.json()).toEqual({
      name: 'grafana',
      access_token: expect.stringMatching(/^access_[\w-]{43}$/),
      scopes: ['read', 'manage'],
      environments: null,
      expires_at: at(90 * 86_400),
    })
    await create(api, { name: 'ci', scopes: ['provision'], environments: ['b', 'a', 'b'], ttl: 'unlimited' })
    expect(await list(api)).toEqual([
      {
        token_id: 2,
        name: 'ci',
        state: 'valid',
        scopes: ['provision'],
        environments: ['a', 'b'],
        created_at: at(0),
      },
      {
        token_id: 1,
        name: 'grafana',
        state: 'valid',
        scopes: ['read', 'manage'],
        environments: null,
        created_at: at(0),
        expires_at: at(90 * 86_400),
      },
    ])
    expect((await api.list<object>('/api/v1/access-tokens?limit=1')).length).toBe(2)
  })

  test('expire', async () => {
    const api = await startApi()
    const token = (await create(api, { name: 'a', scopes: ['read'], ttl: '1h' })).json().access_token
    api.clock.now = START + 3600 * SECOND - 1
    expect(await statusOf(api, token)).toBe(200)
    api.clock.now += 1
    const refused = await api.agent(token, { url: '/api/v1/agents' })
    expect(refused.statusCode).toBe(401)
    expect(refused.json().detail).toBe(`This access token expired at ${at(3600)}. Ask for another one.`)
    expect(await list(api)).toMatchObject([{ state: 'expired' }])
    // Its name is free again.
    expect((await create(api, { name: 'a', scopes: ['read'] })).statusCode).toBe(201)
  })

  test('are revoked at once, all of a name', async () => {
    const api = await startApi()
    const token = await api.createToken(['read'], undefined, 'grafana')
    const other = await api.createToken(['read'], undefined, 'other')
    const revoke = () => api.admin({ method: 'POST', url: '/api/v1/access-tokens/grafana/revoke' })
    expect((await revoke()).json()).toEqual({ name: 'grafana', revoked: 1 })
    const refused = await api.agent(token, { url: '/api/v1/agents' })
    expect(refused.statusCode).toBe(401)
    expect(refused.json().detail).toContain('was revoked')
    expect(await statusOf(api, other)).toBe(200)
    expect((await revoke()).statusCode).toBe(404)
  })

  test('are rotated: two are valid during the grace period', async () => {
    const api = await startApi()
    const payload = { name: 'grafana', scopes: ['read'], environments: ['a'], ttl: '30d' }
    const first = (await create(api, payload)).json().access_token
    const rotate = (body?: object) =>
      api.admin({ method: 'POST', url: '/api/v1/access-tokens/grafana/rotate', ...(body && { payload: body }) })
    api.clock.now = START + DAY
    const rotated = await rotate({ grace_seconds: 60 })
    expect(rotated.statusCode).toBe(201)
    expect(rotated.json()).toMatchObject({
      scopes: ['read'],
      environments: ['a'],
      expires_at: at(31 * 86_400),
      previous_valid_until: at(86_460),
    })
    const second = rotated.json().access_token
    expect([await statusOf(api, first), await statusOf(api, second)]).toEqual([200, 200])
    api.clock.now += 60 * SECOND
    expect([await statusOf(api, first), await statusOf(api, second)]).toEqual([401, 200])
    // An earlier expiry is not postponed.
    await rotate({ grace_seconds: 2_592_000 })
    expect((await list(api)).map(({ state }: { state: string }) => state)).toEqual(['valid', 'valid', 'expired'])
    await api.admin({ method: 'POST', url: '/api/v1/access-tokens/grafana/revoke' })
    expect((await rotate()).statusCode).toBe(404)
  })

  test('record their last use, to the minute', async () => {
    const api = await startApi()
    const token = await api.createToken(['read'])
    const lastUse = async () => (await list(api))[0].last_used_at
    expect(await lastUse()).toBeUndefined()
    await statusOf(api, token)
    api.clock.now = START + 59 * SECOND
    await statusOf(api, token)
    await expect.poll(lastUse, { timeout: 60_000 }).toBe(at(0))
    api.clock.now = START + 60 * SECOND
    await statusOf(api, token)
    await expect.poll(lastUse, { timeout: 60_000 }).toBe(at(60))
  })

  test('are removed some time after their end', async () => {
    const api = await startApi()
    await create(api, { name: 'a', scopes: ['read'], ttl: '1h' })
    await create(api, { name: 'b', scopes: ['read'], ttl: 'unlimited' })
    api.clock.now = START + 8 * DAY
    await api.applyRetention()
    expect(await list(api)).toMatchObject([{ name: 'b' }])
  })

  test('may have a name once', async () => {
    const api = await startApi()
    await create(api, { name: 'a', scopes: ['read'] })
    const again = await create(api, { name: 'a', scopes: ['manage'] })
    expect(again.statusCode).toBe(409)
    expect(again.json().detail).toContain('Rotate it')
  })

  test('are refused with the place of the mistake', async () => {
    const api = await startApi()
    for (const [payload, pointer] of [
      [{ name: 'a' }, '#/scopes'],
      [{ name: 'a', scopes: [] }, '#/scopes'],
      [{ name: 'a', scopes: ['admin'] }, '#/scopes/0'],
      [{ name: '\u001b[31m', scopes: ['read'] }, '#/name'],
      [{ name: 'a', scopes: ['read'], environments: [] }, '#/environments'],
      [{ name: 'a', scopes: ['read'], environments: ['../x'] }, '#/environments/0'],
      [{ name: 'a', scopes: ['read'], ttl: '0s' }, '#/ttl'],
      [{ name: 'a', scopes: ['read'], ttl: '4000d' }, '#/ttl'],
      [{ name: 'a', scopes: ['read'], ttl: 'for ever' }, '#/ttl'],
      [{ name: 'a', scopes: ['read'], expires: 'never' }, '#/expires'],
    ] as const) {
      const response = await create(api, payload)
      expect(response.statusCode).toBe(422)
      expect(response.json().errors[0].pointer).toBe(pointer)
    }
    expect(await list(api)).toEqual([])
  })
})
