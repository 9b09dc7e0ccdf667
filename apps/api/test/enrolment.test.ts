import { DatabaseSync } from 'node:sqlite'
import type { LightMyRequestResponse } from 'fastify'
import { describe, expect, test } from 'vitest'
import { AGENT_URL, agentIdOf, at, DAY, heartbeatOf, reportOf, SECOND, startApi, type TestApi } from './kit.ts'

const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const first = { agent_id: agentIdOf('first') }
const second = { agent_id: agentIdOf('second') }
const third = { agent_id: agentIdOf('third') }

const status = async (response: Promise<LightMyRequestResponse>): Promise<number> => (await response).statusCode
const statuses = (responses: Promise<LightMyRequestResponse>[]): Promise<number[]> => Promise.all(responses.map(status))
const detail = async (response: Promise<LightMyRequestResponse>): Promise<string> => (await response).json().detail

async function keyOf(api: TestApi, token: string, agent: Record<string, unknown> = first): Promise<string> {
  const response = await api.enroll(token, agent)
  expect(response.statusCode, response.body).toBe(201)
  return response.json().agent_key
}

const rotate = (api: TestApi, key: string, agent: object = first): Promise<LightMyRequestResponse> =>
  api.agent(key, {
    method: 'POST',
    url: '/api/v1/agent/key/rotate',
    payload: { agent_type: 'docker', ...agent },
  })

const revoke = (api: TestApi, { agent_id }: { agent_id: string }, query = ''): Promise<LightMyRequestResponse> =>
  api.admin({ method: 'POST', url: `/api/v1/agents/${agent_id}/revoke${query}` })

const rotatedKey = async (api: TestApi, key: string): Promise<string> => (await rotate(api, key)).json().agent_key

const access = (api: TestApi, token: string, { agent_id }: { agent_id: string }): Promise<LightMyRequestResponse> =>
  api.agent(token, { url: `/api/v1/agent/access?agent_id=${agent_id}&agent_type=docker` })

const tokensOf = async (api: TestApi) => (await api.admin('/api/v1/environments/prod-cluster-1')).json().tokens

describe('the lifetime of a token', () => {
  test('is 24 h by default, and ends the joining of new agents only', async () => {
    const api = await startApi()
    const token = await api.provision()
    expect(await statuses([api.heartbeat(token, first), api.enroll(token, second)])).toEqual([200, 201])
    api.clock.now += DAY - 1
    expect(await status(api.send(token, reportOf({}, third)))).toBe(202)
    api.clock.now += 1
    for (const agent of [first, second, third])
      expect(
        await statuses([
          api.heartbeat(token, agent),
          api.send(token, reportOf({}, agent)),
          api.enroll(token, agent),
          access(api, token, agent),
        ]),
      ).toEqual([200, 202, 201, 200])
    const late = { agent_id: agentIdOf('late') }
    for (const refused of [
      api.heartbeat(token, late),
      api.send(token, reportOf({}, late)),
      api.enroll(token, late),
      access(api, token, late),
    ])
      expect((await refused).json()).toMatchObject({
        status: 401,
        detail: `This agent token admitted new agents until ${at(86_400)}. Provision the environment again to get a new one. Agents that joined with this token go on.`,
      })
    expect(await tokensOf(api)).toMatchObject([{ state: 'closed', joinable_until: at(86_400), agents: 3 }])
  })

  test.each([
    ['7d', 7 * DAY],
    ['90m', 90 * MINUTE],
    [3600, HOUR],
    ['3600', HOUR],
    [0, undefined],
    ['0', undefined],
    ['unlimited', undefined],
  ])('is set by `token_ttl: %j`', async (token_ttl, lifetime) => {
    const api = await startApi()
    const token = await api.provision(undefined, undefined, { token_ttl })
    api.clock.now += lifetime === undefined ? 10_000 * DAY : lifetime - 1
    expect(await status(api.heartbeat(token, first))).toBe(200)
    api.clock.now += 1
    expect(await status(api.heartbeat(token, second))).toBe(lifetime === undefined ? 200 : 401)
  })

  test('is not passed to the agent, and applies to the tokens of a rotation', async () => {
    const api = await startApi()
    const payload = {
      agent_type: 'docker',
      environment_name: 'a',
      config: { token_ttl: '1h', token_uses: 2, image: 'i' },
    }
    const body = (await api.admin({ method: 'POST', url: '/api/v1/agent/provision', payload })).json()
    expect(body).toMatchObject({ token_expires_at: at(3600), token_uses: 2 })
    expect(body.deployment_command).not.toMatch(/token_/)
    api.clock.now += MINUTE
    const rotated = (await api.admin({ method: 'POST', url: '/api/v1/environments/a/token/rotate' })).json().tokens[0]
    expect(rotated).toMatchObject({ token_expires_at: at(3660), token_uses: 2 })
    expect(rotated.deployment_command).toMatch(/image=i i$/)
  })

  test.each([
    [{ token_ttl: 'soon' }, '#/config/token_ttl', /duration such as 24h or 7d/],
    [{ token_ttl: -1 }, '#/config/token_ttl', /duration/],
    [{ token_ttl: '3651d' }, '#/config/token_ttl', /at most 3650d/],
    [{ token_ttl: null }, '#/config/token_ttl', /duration/],
    [{ token_uses: 1.5 }, '#/config/token_uses', /whole number from 1/],
    [{ token_uses: 'many' }, '#/config/token_uses', /`unlimited`/],
  ])('is refused as %j', async (config, pointer, message) => {
    const api = await startApi()
    const payload = { agent_type: 'docker', environment_name: 'a', config }
    const response = await api.admin({ method: 'POST', url: '/api/v1/agent/provision', payload })
    expect(response.statusCode).toBe(422)
    expect(response.json().errors).toEqual([{ pointer, detail: expect.stringMatching(message) }])
  })

  test('counts an agent that could not connect as the same agent afterwards', async () => {
    const api = await startApi()
    const token = await api.provision(undefined, undefined, { token_uses: 1 })
    const provisional = { agent_id: agentIdOf('provisional') }
    const connecting = { ...provisional, collectors: { connect: { ok: false, error: 'refused' } } }
    expect(await status(api.heartbeat(token, connecting))).toBe(200)
    api.clock.now += 2 * DAY
    const replaces_agent_id = provisional.agent_id
    expect(await status(api.enroll(token, { ...first, replaces_agent_id }))).toBe(201)
    expect(await status(api.heartbeat(token, { ...first, replaces_agent_id }))).toBe(200)
    // Only a provisional agent passes its place on.
    expect(await status(api.heartbeat(token, { ...second, replaces_agent_id: first.agent_id }))).toBe(401)
  })
})

describe('the uses of a token', () => {
  test('count agents, not calls', async () => {
    const api = await startApi()
    const token = await api.provision(undefined, undefined, { token_uses: 2 })
    expect(
      await statuses([
        api.enroll(token, first),
        api.enroll(token, first),
        api.heartbeat(token, first),
        api.send(token, reportOf({}, second)),
        api.heartbeat(token, second),
      ]),
    ).toEqual([201, 201, 200, 202, 200])
    expect(await detail(api.enroll(token, third))).toMatch(/^As many agents joined .* \(`token_uses`: 2\)\. Provision/)
    expect(await status(api.send(token, reportOf({}, first), reportOf({}, third)))).toBe(401)
    expect(await tokensOf(api)).toMatchObject([{ state: 'closed', max_agents: 2, agents: 2 }])
  })

  test('admit one of two agents that enrol at once with one use left', async () => {
    const api = await startApi()
    const token = await api.provision(undefined, undefined, { token_uses: 1 })
    expect((await statuses([api.enroll(token, first), api.enroll(token, second)])).sort()).toEqual([201, 401])
    expect((await statuses([api.heartbeat(token, first), api.heartbeat(token, second)])).sort()).toEqual([200, 401])
  })

  test('are not taken by a refused delivery', async () => {
    const api = await startApi()
    const token = await api.provision(undefined, undefined, { token_uses: 1 })
    expect(await status(api.send(token, reportOf({}, first), reportOf({}, second)))).toBe(401)
    expect(await status(api.send(token, reportOf({}, second)))).toBe(202)
  })
})

describe('the key of an agent', () => {
  test('opens its routes in place of the token, for this agent and type alone', async () => {
    const api = await startApi()
    const key = await keyOf(api, await api.provision())
    expect(key).toMatch(/^agentkey_[A-Za-z0-9_-]{43}$/)
    expect(
      await statuses([
        api.heartbeat(key),
        api.send(key, reportOf()),
        access(api, key, first),
        api.heartbeat(key, second),
        api.send(key, reportOf(), reportOf({}, second)),
        access(api, key, second),
        api.heartbeat(key, { agent_type: 'server' }),
        api.enroll(key),
        rotate(api, key, second),
      ]),
    ).toEqual([200, 202, 200, 403, 403, 403, 403, 403, 403])
    expect((await api.send(key, reportOf(), reportOf({}, second))).json().errors).toEqual([
      { pointer: '#/reports/1/agent_id', detail: `This key is for the agent \`${first.agent_id}\`.` },
    ])
    expect(await status(api.admin(AGENT_URL))).toBe(200)
    expect(await status(api.agent(key, { url: AGENT_URL }))).toBe(401)
    expect((await api.admin(AGENT_URL)).json()).toMatchObject({ enrolled: true, key_expires_at: at(30 * 86_400) })
  })

  test('outlives the rotation of the token, but not its revocation', async () => {
    const api = await startApi()
    const token = await api.provision()
    const key = await keyOf(api, token)
    const elsewhere = await keyOf(api, await api.provision('b'))
    const post = (action: string, payload: object) =>
      api.admin({ method: 'POST', url: `/api/v1/environments/prod-cluster-1/token/${action}`, payload })
    await post('rotate', { grace_seconds: 0 })
    expect(await statuses([api.heartbeat(token), api.heartbeat(key)])).toEqual([401, 200])
    expect((await post('revoke', { agent_type: 'docker' })).json()).toMatchObject({ revoked: 1, revoked_keys: 1 })
    expect(await statuses([api.heartbeat(key), api.heartbeat(elsewhere)])).toEqual([401, 200])
  })

  test('is shown as absent again after a heartbeat with the token', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.heartbeat(await keyOf(api, token))
    await api.heartbeat(token)
    const agent = (await api.admin(AGENT_URL)).json()
    expect(agent).toMatchObject({ enrolled: false })
    expect(agent).not.toHaveProperty('key_expires_at')
  })

  test('is one of at most 50 of its agent: the least recently used ones end', async () => {
    const api = await startApi()
    const token = await api.provision()
    const used = await keyOf(api, token)
    const unused = await keyOf(api, token)
    for (let count = 0; count < 49; count += 1) {
      api.clock.now += 1
      await api.heartbeat(used)
      await keyOf(api, token)
    }
    expect(await statuses([api.heartbeat(used), api.heartbeat(unused)])).toEqual([200, 401])
  })
})

describe('the rotation of a key', () => {
  test('is asked for after two thirds of its life', async () => {
    const api = await startApi({ agentKeyTtl: '30d' })
    const key = await keyOf(api, await api.provision())
    api.clock.now += 20 * DAY - 1
    expect((await api.heartbeat(key)).json()).not.toHaveProperty('rotate_key')
    api.clock.now += 1
    expect((await api.heartbeat(key)).json()).toMatchObject({ rotate_key: true })
    const response = await rotate(api, key)
    expect(response.statusCode).toBe(201)
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.json().expires_at).toBe(at(50 * 86_400))
    expect((await api.heartbeat(response.json().agent_key)).json()).not.toHaveProperty('rotate_key')
  })

  test('keeps both keys valid until the new one is used', async () => {
    const api = await startApi()
    const key = await keyOf(api, await api.provision())
    const next = await rotatedKey(api, key)
    expect(await statuses([api.heartbeat(key), api.send(key, reportOf()), access(api, next, first)])).toEqual([
      200, 202, 200,
    ])
    expect(await status(api.heartbeat(key))).toBe(200)
    expect(await status(api.send(next, reportOf()))).toBe(202)
    expect(await status(api.heartbeat(key))).toBe(401)
    expect(await detail(api.heartbeat(key))).toMatch(/^Unknown agent key: it may have been replaced/)
  })

  test('may be repeated after lost answers: the last key that was received ends all others', async () => {
    const api = await startApi()
    const key = await keyOf(api, await api.provision())
    const lost = await rotatedKey(api, key)
    const received = await rotatedKey(api, key)
    const late = await rotatedKey(api, key)
    expect(await status(api.heartbeat(received))).toBe(200)
    expect(await statuses([api.heartbeat(key), api.heartbeat(lost), api.heartbeat(late), rotate(api, key)])).toEqual([
      401, 401, 401, 401,
    ])
  })

  test('does not end the keys of other replicas of the agent', async () => {
    const api = await startApi()
    const token = await api.provision()
    const [one, other] = [await keyOf(api, token), await keyOf(api, token)]
    await api.heartbeat(await rotatedKey(api, one))
    expect(await status(api.heartbeat(other))).toBe(200)
  })

  test('ends with the life of the old key', async () => {
    const api = await startApi({ agentKeyTtl: '1d' })
    const token = await api.provision()
    const key = await keyOf(api, token)
    api.clock.now += DAY
    expect(await detail(api.heartbeat(key))).toBe('This agent key has expired. Enrol again with the token.')
    expect(await status(rotate(api, key))).toBe(401)
    // The token has expired as well, but this agent joined with it.
    expect(await status(api.heartbeat(await keyOf(api, token)))).toBe(200)
  })

  test('needs a key', async () => {
    const api = await startApi()
    expect(await status(rotate(api, await api.provision()))).toBe(403)
  })
})

describe('the revocation of an agent', () => {
  test('refuses its keys and its tokens at once, and no other agent', async () => {
    const api = await startApi()
    const token = await api.provision()
    const keys = [await keyOf(api, token), await keyOf(api, token, second)] as const
    await api.heartbeat(keys[0])
    await api.heartbeat(keys[1], second)
    api.clock.now += SECOND
    expect((await revoke(api, first)).json()).toEqual({
      ...first,
      agent_type: 'docker',
      environment: 'prod-cluster-1',
      revoked_at: at(1),
      revoked_keys: 1,
    })
    expect(
      await statuses([
        api.heartbeat(keys[0]),
        api.send(keys[0], reportOf()),
        rotate(api, keys[0]),
        api.heartbeat(token),
        api.send(token, reportOf()),
        api.enroll(token),
        access(api, token, first),
      ]),
    ).toEqual([401, 401, 401, 401, 401, 401, 401])
    expect(await detail(api.heartbeat(keys[0]))).toMatch(/^This agent was revoked\./)
    expect(await detail(api.heartbeat(token))).toMatch(/^This agent was revoked, and the token is older/)
    expect(await statuses([api.heartbeat(keys[1], second), api.heartbeat(token, third)])).toEqual([200, 200])
    expect((await api.admin(AGENT_URL)).json()).toMatchObject({ revoked_at: at(1) })
  })

  test('ends with a token that is provisioned afterwards', async () => {
    const api = await startApi()
    const old = await api.provision()
    const key = await keyOf(api, old)
    await api.heartbeat(key)
    await revoke(api, first)
    api.clock.now += 1
    const token = await api.provision()
    expect(await status(api.heartbeat(await keyOf(api, token)))).toBe(200)
    expect(await statuses([api.heartbeat(old), api.heartbeat(key), api.heartbeat(token)])).toEqual([401, 401, 200])
    expect((await api.admin(AGENT_URL)).json()).not.toHaveProperty('revoked_at')
  })

  test('wins over a rotation at the same time', async () => {
    const api = await startApi()
    const key = await keyOf(api, await api.provision())
    await api.heartbeat(key)
    const [revoked, rotated] = await Promise.all([revoke(api, first), rotate(api, key)])
    expect(revoked.statusCode).toBe(200)
    if (rotated.statusCode === 201) expect(await status(api.heartbeat(rotated.json().agent_key))).toBe(401)
    expect(await status(api.heartbeat(key))).toBe(401)
  })

  test('needs an agent that called or enrolled, and its environment if there are several', async () => {
    const api = await startApi()
    expect(await status(revoke(api, first))).toBe(404)
    await keyOf(api, await api.provision('a'))
    await keyOf(api, await api.provision('b'))
    expect(await status(revoke(api, first))).toBe(409)
    expect((await revoke(api, first, '?environment=b')).json()).toMatchObject({ environment: 'b', revoked_keys: 1 })
  })
})

describe('a cloned agent', () => {
  const callAs = async (api: TestApi, token: string, instance_id: string, fields: object = {}) =>
    (await api.heartbeat(token, { instance_id, ...fields })).json()

  test('is reported when processes take turns, until an hour after the last time', async () => {
    const api = await startApi()
    const key = await keyOf(api, await api.provision())
    for (const instance of ['web-1-a', 'web-1-b'])
      expect(await callAs(api, key, instance)).not.toHaveProperty('warning')
    expect((await api.admin(AGENT_URL)).json()).not.toHaveProperty('cloned')
    api.clock.now += SECOND
    expect((await callAs(api, key, 'web-1-a')).warning).toMatch(
      /^Several processes are this agent: `web-1-a`, `web-1-b`\. If a machine was cloned/,
    )
    expect((await callAs(api, key, 'web-1-a')).warning).toMatch(/`web-1-b`/)
    const cloned = { instances: ['web-1-a', 'web-1-b'], last_seen_at: at(1) }
    expect((await api.admin('/api/v1/agents')).json().agents).toMatchObject([{ cloned }])
    expect((await api.admin(AGENT_URL)).json()).toMatchObject({ cloned })
    api.clock.now += HOUR
    expect(await callAs(api, key, 'web-1-a')).not.toHaveProperty('warning')
    expect((await api.admin(AGENT_URL)).json()).not.toHaveProperty('cloned')
  })

  test('is recognised among any number of clones, with a token too', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (const instance of ['a', 'b', 'c']) expect(await callAs(api, token, instance)).not.toHaveProperty('warning')
    expect((await callAs(api, token, 'a')).warning).toContain('`a`, `c`, `b`')
  })

  test('is not a restarted agent, nor one that a supervisor restarts for ever', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (let start = 0; start < 40; start += 1)
      for (let count = 0; count < 2; count += 1)
        expect(await callAs(api, token, `web-1-${start}`)).not.toHaveProperty('warning')
  })

  test('is not the replica of an agent with an election', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (const instance of ['pod-a', 'pod-b', 'pod-a', 'pod-b'])
      expect(await callAs(api, token, instance, { role: 'standby' })).not.toHaveProperty('warning')
  })

  test('is not an agent of an earlier version, which does not name its process', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (let count = 0; count < 3; count += 1)
      expect((await api.heartbeat(token, heartbeatOf())).json()).not.toHaveProperty('warning')
  })
})

describe('retention', () => {
  test('removes ended keys, forgotten agents of tokens, and revocations without older tokens', async () => {
    const api = await startApi()
    const token = await api.provision()
    await keyOf(api, token)
    await api.heartbeat(token, second)
    await api.heartbeat(token, third)
    await revoke(api, third)
    const database = new DatabaseSync(api.databasePath, { readOnly: true })
    const counts = () =>
      ['agent_keys', 'token_agents', 'agent_revocations', 'tokens'].map(
        (table) => database.prepare(`select count(*) as count from ${table}`).get()?.count,
      )
    expect(counts()).toEqual([1, 3, 1, 1])
    api.clock.now += 38 * DAY
    await api.applyRetention()
    expect(counts()).toEqual([0, 3, 1, 1])
    expect(await status(api.heartbeat(token, second))).toBe(200)
    api.clock.now += 60 * DAY
    await api.heartbeat(token, second)
    await api.applyRetention()
    expect(counts()).toEqual([0, 1, 1, 1])
    expect(await statuses([api.heartbeat(token, second), api.heartbeat(token, third)])).toEqual([200, 401])
    api.clock.now += 100 * DAY
    await api.applyRetention()
    await api.applyRetention()
    expect(counts()).toEqual([0, 0, 0, 0])
    database.close()
  })
})
