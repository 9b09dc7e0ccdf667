import { describe, expect, it } from 'vitest'
import { heartbeatOf, START, startApi, type TestApi } from './start-api.ts'

const beat = (api: TestApi, token: string, type = 'kiln') =>
  api
    .agent(token, { method: 'POST', url: '/api/v1/agent/heartbeat', payload: heartbeatOf({ agent_type: type }) })
    .then((response) => response.statusCode)
const rotate = (api: TestApi, payload?: object) =>
  api.admin({
    method: 'POST',
    url: '/api/v1/environments/a/token/rotate',
    ...(payload === undefined ? {} : { payload }),
  })
const revoke = (api: TestApi, payload?: object) =>
  api.admin({
    method: 'POST',
    url: '/api/v1/environments/a/token/revoke',
    ...(payload === undefined ? {} : { payload }),
  })

describe('rotation', () => {
  it('keeps old tokens valid for the grace period and not longer', async () => {
    const api = await startApi({ tokenGrace: '1h' })
    const old = await api.provision('a')
    const response = await rotate(api)
    expect(response.statusCode).toBe(200)
    expect(response.headers['cache-control']).toBe('no-store')
    const [rotated] = response.json().tokens
    expect(rotated).toMatchObject({
      agent_type: 'kiln',
      previous_valid_until: new Date(START + 3_600_000).toISOString(),
    })
    expect(rotated.deployment_command).toContain(rotated.agent_token)

    expect(await beat(api, rotated.agent_token)).toBe(200)
    api.clock.now = START + 3_599_999
    expect(await beat(api, old)).toBe(200)
    expect(
      (await api.admin('/api/v1/environments/a')).json().tokens.map((token: { state: string }) => token.state),
    ).toEqual(['valid', 'expiring'])
    api.clock.now = START + 3_600_000
    expect(await beat(api, old)).toBe(401)
    expect(await beat(api, rotated.agent_token)).toBe(200)
    expect(
      (await api.admin('/api/v1/environments/a')).json().tokens.map((token: { state: string }) => token.state),
    ).toEqual(['valid', 'expired'])
  })

  it('never makes a token live longer than an earlier rotation said', async () => {
    const api = await startApi()
    const first = await api.provision('a')
    await rotate(api, { grace_seconds: 60 })
    await rotate(api, { grace_seconds: 3600 })
    api.clock.now = START + 60_000
    expect(await beat(api, first)).toBe(401)
  })

  it('says until when the last of the old tokens is valid, and nothing where none is', async () => {
    const api = await startApi({ tokenGrace: '24h' })
    const previous = async (payload?: object) => (await rotate(api, payload)).json().tokens[0].previous_valid_until
    const after = (seconds: number) => new Date(api.clock.now + seconds * 1000).toISOString()
    await api.provision('a')
    await revoke(api)
    expect(await previous()).toBeNull()
    expect(await previous({ grace_seconds: 0 })).toBe(after(0))
    expect(await previous({ grace_seconds: 60 })).toBe(after(60))
    api.clock.now += 1000
    expect(await previous({ grace_seconds: 10 })).toBe(after(10))
    // The token that was rotated first keeps its 59 s no longer than these 10 s.
    api.clock.now += 10_000
    await revoke(api)
    expect(await previous()).toBeNull()
  })

  it('is for one type or for all', async () => {
    const api = await startApi()
    const [kiln, oven] = [await api.provision('a', 'kiln'), await api.provision('a', 'oven')]
    expect((await rotate(api, { agent_type: 'oven', grace_seconds: 0 })).json().tokens).toHaveLength(1)
    expect([await beat(api, kiln), await beat(api, oven, 'oven')]).toEqual([200, 401])
    expect((await rotate(api)).json().tokens.map((token: { agent_type: string }) => token.agent_type)).toEqual([
      'kiln',
      'oven',
    ])
  })

  it('repeats the command as it was provisioned, unless it held secrets', async () => {
    const api = await startApi()
    const provision = (config: object) =>
      api.admin({
        method: 'POST',
        url: '/api/v1/agent/provision',
        payload: { agent_type: 'kiln', environment_name: 'a', config },
      })
    await provision({ image: 'mine:1' })
    const [again] = (await rotate(api)).json().tokens
    expect(again.deployment_command).toMatch(/image=mine:1 mine:1$/)
    expect(again.alternatives).toMatchObject({
      gas: { deployment_command: `fire --gas ${again.agent_token}`, verify_command: 'fire --gas --status' },
      wood: { deployment_command: `fire --wood ${again.agent_token}` },
    })
    await provision({ password: 'hunter2-canary' })
    const [token] = (await rotate(api)).json().tokens
    expect(token).toMatchObject({ deployment_command: null, instructions: expect.stringContaining('`password`') })
    expect(token).not.toHaveProperty('alternatives')
  })

  it.each([
    ['/api/v1/environments/b/token/rotate', undefined, 404],
    ['/api/v1/environments/b/token/revoke', undefined, 404],
    ['/api/v1/environments/a/token/rotate', { agent_type: 'oven' }, 422],
    ['/api/v1/environments/a/token/revoke', { agent_type: 'oven' }, 422],
    ['/api/v1/environments/a/token/rotate', { grace_seconds: -1 }, 422],
    ['/api/v1/environments/a/token/rotate', { grace: 1 }, 422],
  ])('refuses %s with %j', async (url, payload, status) => {
    const api = await startApi()
    await api.provision('a')
    expect((await api.admin({ method: 'POST', url, ...(payload === undefined ? {} : { payload }) })).statusCode).toBe(
      status,
    )
  })
})

describe('revocation', () => {
  it('ends tokens at once, and says so to their holder', async () => {
    const api = await startApi()
    const [kiln, oven] = [await api.provision('a', 'kiln'), await api.provision('a', 'oven')]
    const elsewhere = await api.provision('b')
    expect((await revoke(api, { agent_type: 'kiln' })).json()).toEqual({ environment_name: 'a', revoked: 1 })
    expect([await beat(api, kiln), await beat(api, oven, 'oven'), await beat(api, elsewhere)]).toEqual([401, 200, 200])
    expect((await revoke(api)).json().revoked).toBe(1)
    expect((await revoke(api)).json().revoked).toBe(0)
    const refused = await api.agent(oven, {
      method: 'POST',
      url: '/api/v1/agent/heartbeat',
      payload: heartbeatOf({ agent_type: 'oven' }),
    })
    expect(refused.json().detail).toMatch(/revoked/)
  })
})
