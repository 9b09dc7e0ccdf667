import { describe, expect, test } from 'vitest'
import { at, startApi, type TestApi } from './kit.ts'

/** Sends a heartbeat and returns its status. */
const heartbeat = async (api: TestApi, token: string, type = 'docker') =>
  (await api.heartbeat(token, { agent_type: type })).statusCode
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
  test('keeps old tokens valid until the end of the grace period', async () => {
    const api = await startApi({ tokenGrace: '1h' })
    const old = await api.provision('a')
    const response = await rotate(api)
    expect(response.statusCode).toBe(200)
    expect(response.headers['cache-control']).toBe('no-store')
    const [rotated] = response.json().tokens
    expect(rotated).toMatchObject({
      agent_type: 'docker',
      previous_valid_until: at(3600),
    })
    expect(rotated.deployment_command).toContain(rotated.agent_token)

    expect(await heartbeat(api, rotated.agent_token)).toBe(200)
    api.clock.now += 3_599_999
    expect(await heartbeat(api, old)).toBe(200)
    expect(
      (await api.admin('/api/v1/environments/a')).json().tokens.map((token: { state: string }) => token.state),
    ).toEqual(['valid', 'expiring'])
    api.clock.now += 1
    expect(await heartbeat(api, old)).toBe(401)
    expect(await heartbeat(api, rotated.agent_token)).toBe(200)
    expect(
      (await api.admin('/api/v1/environments/a')).json().tokens.map((token: { state: string }) => token.state),
    ).toEqual(['valid', 'expired'])
  })

  test('never extends the expiry from an earlier rotation', async () => {
    const api = await startApi()
    const first = await api.provision('a')
    await rotate(api, { grace_seconds: 60 })
    await rotate(api, { grace_seconds: 3600 })
    api.clock.now += 60_000
    expect(await heartbeat(api, first)).toBe(401)
  })

  test('returns when the last of the old tokens expires, and `null` when none is valid', async () => {
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
    // The second rotation shortens the remaining 59 s of the first token to 10 s.
    api.clock.now += 10_000
    await revoke(api)
    expect(await previous()).toBeNull()
  })

  test('rotates one type or all types', async () => {
    const api = await startApi()
    const [docker, server] = [await api.provision('a', 'docker'), await api.provision('a', 'server')]
    expect((await rotate(api, { agent_type: 'server', grace_seconds: 0 })).json().tokens).toHaveLength(1)
    expect([await heartbeat(api, docker), await heartbeat(api, server, 'server')]).toEqual([200, 401])
    expect((await rotate(api)).json().tokens.map((token: { agent_type: string }) => token.agent_type)).toEqual([
      'docker',
      'server',
    ])
  })

  test('recreates the provisioned command, unless it contained secrets', async () => {
    const api = await startApi()
    const provision = (config: object) =>
      api.admin({
        method: 'POST',
        url: '/api/v1/agent/provision',
        payload: { agent_type: 'docker', environment_name: 'a', config },
      })
    await provision({ image: 'mine:1' })
    const [rotated] = (await rotate(api)).json().tokens
    expect(rotated.deployment_command).toMatch(/image=mine:1 mine:1$/)
    expect(rotated.alternatives).toMatchObject({
      linux: {
        deployment_command: `install --linux ${rotated.agent_token}`,
        verify_command: 'install --linux --status',
      },
      windows: { deployment_command: `install --windows ${rotated.agent_token}` },
    })
    await provision({ password: 'hunter2-canary' })
    const [token] = (await rotate(api)).json().tokens
    expect(token).toMatchObject({ deployment_command: null, instructions: expect.stringContaining('`password`') })
    expect(token).not.toHaveProperty('alternatives')
  })

  test.each([
    ['/api/v1/environments/b/token/rotate', undefined, 404],
    ['/api/v1/environments/b/token/revoke', undefined, 404],
    ['/api/v1/environments/a/token/rotate', { agent_type: 'server' }, 422],
    ['/api/v1/environments/a/token/revoke', { agent_type: 'server' }, 422],
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
  test('ends tokens at once, and names the revocation in the problem', async () => {
    const api = await startApi()
    const [docker, server] = [await api.provision('a', 'docker'), await api.provision('a', 'server')]
    const elsewhere = await api.provision('b')
    expect((await revoke(api, { agent_type: 'docker' })).json()).toEqual({
      environment_name: 'a',
      revoked: 1,
      revoked_keys: 0,
    })
    expect([
      await heartbeat(api, docker),
      await heartbeat(api, server, 'server'),
      await heartbeat(api, elsewhere),
    ]).toEqual([401, 200, 200])
    expect((await revoke(api)).json().revoked).toBe(1)
    expect((await revoke(api)).json().revoked).toBe(0)
    const refused = await api.heartbeat(server, { agent_type: 'server' })
    expect(refused.json().detail).toMatch(/revoked/)
  })
})
