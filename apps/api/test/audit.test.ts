import { describe, expect, test } from 'vitest'
import { createAccessToken } from '../src/http/authentication.ts'
import { AGENT_URL, agentIdOf, at, DAY, recordLog, SECOND, START, startApi, type TestApi } from './kit.ts'

type Entry = Record<string, unknown>

const entriesOf = (api: TestApi, query = ''): Promise<Entry[]> => api.list<Entry>(`/api/v1/audit${query}`)

const actions = (entries: readonly Entry[]) => entries.map(({ action }) => action)

const tryToken = (api: TestApi, token: string, remoteAddress = '192.0.2.1', url = '/api/v1/agents') =>
  api.agent(token, { url, remoteAddress })

describe('the audit trail', () => {
  test('has every change: who, from where, what, when, and the outcome', async () => {
    const api = await startApi()
    const token = await api.provision('prod')
    const { agent_key: key } = (await api.enroll(token)).json()
    const agent = { agent_id: agentIdOf('first'), agent_type: 'docker' }
    api.clock.now += 5 * SECOND
    await api.agent(key, { method: 'POST', url: '/api/v1/agent/key/rotate', payload: agent })
    const kim = await api.createToken(['manage'], undefined, 'kim@example.com')
    const change = (url: string) => api.agent(kim, { method: 'POST', url, remoteAddress: '198.51.100.7' })
    await change('/api/v1/environments/prod/token/rotate')
    await change(`${AGENT_URL}/revoke`)
    await change('/api/v1/environments/prod/token/revoke')
    await change('/api/v1/environments/absent/token/revoke')
    await api.admin({ method: 'POST', url: '/api/v1/access-tokens/kim@example.com/rotate' })
    await api.admin({ method: 'POST', url: '/api/v1/access-tokens/kim@example.com/revoke' })
    const kims = { actor: 'access_token', actor_id: 1, actor_name: 'kim@example.com', address: '198.51.100.7' }
    const done = { count: 1, outcome: 'done', last_at: at(5) }
    expect((await entriesOf(api)).reverse()).toEqual([
      {
        ...done,
        at: at(0),
        last_at: at(0),
        status: 201,
        action: 'provisionAgent',
        actor: 'admin',
        address: '127.0.0.1',
        environment: 'prod',
        agent_type: 'docker',
      },
      expect.objectContaining({
        action: 'enrollAgent',
        actor: 'agent_token',
        actor_id: 1,
        environment: 'prod',
        ...agent,
      }),
      expect.objectContaining({
        action: 'rotateAgentKey',
        actor: 'agent_key',
        actor_id: 1,
        environment: 'prod',
        ...agent,
      }),
      expect.objectContaining({ action: 'createAccessToken', actor: 'admin', token_name: 'kim@example.com' }),
      { ...done, at: at(5), status: 200, action: 'rotateTokens', ...kims, environment: 'prod' },
      { ...done, at: at(5), status: 200, action: 'revokeAgent', ...kims, environment: 'prod', ...agent },
      { ...done, at: at(5), status: 200, action: 'revokeTokens', ...kims, environment: 'prod' },
      {
        ...done,
        at: at(5),
        outcome: 'refused',
        status: 404,
        action: 'revokeTokens',
        ...kims,
        environment: 'absent',
        detail: expect.stringContaining('does not exist'),
      },
      expect.objectContaining({ action: 'rotateAccessToken', token_name: 'kim@example.com' }),
      expect.objectContaining({ action: 'revokeAccessToken', token_name: 'kim@example.com' }),
    ])
  })

  test('counts refusals of one address in one entry a day', async () => {
    const api = await startApi({ rateLimitUnauthenticated: 10_000 })
    for (let index = 0; index < 200; index += 1) await tryToken(api, `wrong-${index}`)
    await tryToken(api, 'wrong', '192.0.2.2', '/api/v1/agent/access')
    const token = await api.createToken(['read'])
    await api.agent(token, { method: 'POST', url: '/api/v1/environments/x/token/revoke' })
    const entries = await entriesOf(api, '?outcome=refused')
    expect(entries.map(({ address, status, count, actor }) => [address, status, count, actor])).toEqual([
      ['127.0.0.1', 403, 1, 'access_token'],
      ['192.0.2.2', 401, 1, 'unknown'],
      ['192.0.2.1', 401, 200, 'unknown'],
    ])
    api.clock.now = START + 3600 * SECOND
    await tryToken(api, 'wrong')
    expect(await entriesOf(api, '?address=192.0.2.1&from=2026-11-22T12:30:00Z')).toMatchObject([
      {
        count: 201,
        at: at(0),
        last_at: at(3600),
        action: 'listAgents',
        detail: expect.stringContaining('Unknown token'),
      },
    ])
    api.clock.now = START + DAY
    await tryToken(api, 'wrong')
    expect(await entriesOf(api, '?address=192.0.2.1&outcome=refused')).toHaveLength(2)
  })

  test('has refusals by the limit of an address', async () => {
    const api = await startApi({ rateLimitUnauthenticated: 1 })
    for (let index = 0; index < 3; index += 1) await tryToken(api, 'wrong')
    const entries = await entriesOf(api, '?address=192.0.2.1')
    expect(entries.map(({ status, count }) => [status, count])).toEqual([
      [429, 2],
      [401, 1],
    ])
  })

  test('names a token that is no longer valid', async () => {
    const api = await startApi()
    const token = await api.createToken(['read'], undefined, 'grafana')
    await api.admin({ method: 'POST', url: '/api/v1/access-tokens/grafana/revoke' })
    await tryToken(api, token)
    expect((await entriesOf(api))[0]).toMatchObject({
      actor: 'unknown',
      actor_name: 'access token 1 (grafana)',
      detail: 'This access token was revoked. Ask for another one.',
    })
  })

  test('is filtered, and limited to the environments of a token', async () => {
    const api = await startApi()
    await api.provision('a')
    api.clock.now += SECOND
    await api.provision('b')
    const token = await api.createToken(['manage'], ['b'])
    const mine = (await api.agent(token, { url: '/api/v1/audit' })).json().entries
    expect(mine).toMatchObject([{ environment: 'b', action: 'provisionAgent' }])
    expect(actions(await entriesOf(api, '?limit=1'))).toEqual(['createAccessToken', 'provisionAgent', 'provisionAgent'])
    expect(await entriesOf(api, '?environment=a')).toHaveLength(1)
    expect(await entriesOf(api, '?action=createAccessToken')).toHaveLength(1)
    expect(await entriesOf(api, `?to=${at(1)}`)).toHaveLength(1)
    expect(await entriesOf(api, '?actor=unknown')).toHaveLength(0)
    expect((await api.admin('/api/v1/audit?actor=me')).statusCode).toBe(422)
  })

  test('survives a restart, and keeps entries for its own retention', async () => {
    const api = await startApi({ auditRetention: '30d' })
    await api.provision('a')
    await tryToken(api, 'wrong')
    await api.close()
    const again = await startApi({ databaseUrl: `sqlite:${api.databasePath}`, auditRetention: '30d' })
    again.clock.now = START + 40 * DAY
    await again.applyRetention()
    expect(actions(await entriesOf(again)).sort()).toEqual(['listAgents', 'provisionAgent'])
  })

  test('contains no token, wherever it was sent', async () => {
    const { log, logged } = recordLog()
    const api = await startApi({ log })
    const { token: canary } = createAccessToken()
    const valid = await api.createToken(['read', 'manage'], undefined, 'kim')
    await tryToken(api, canary)
    await api.admin({ method: 'POST', url: `/api/v1/environments/${canary}/token/revoke` })
    await api.admin({ method: 'POST', url: `/api/v1/access-tokens/${canary}/revoke` })
    await api.agent(valid, { method: 'POST', url: '/api/v1/access-tokens', payload: { name: canary } })
    const rotated = (await api.admin({ method: 'POST', url: '/api/v1/access-tokens/kim/rotate' })).json().access_token
    await tryToken(api, rotated)
    const places = {
      trail: JSON.stringify(await entriesOf(api)),
      list: (await api.admin('/api/v1/access-tokens')).body,
      metrics: (await api.agent(rotated, { url: '/metrics' })).body,
      logs: logged(),
    }
    expect(actions(await entriesOf(api))).toHaveLength(6)
    for (const [place, text] of Object.entries(places))
      for (const token of [canary, valid, rotated]) expect(text.includes(token.slice(7)), place).toBe(false)
    const lines = logged().trim().split('\n')
    const refused = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request refused')
    expect(refused[0]).toMatchObject({ status: 401, caller: 'unknown', address: '192.0.2.1' })
    expect(refused.at(-1)).toMatchObject({ status: 403, caller: 'access token 1 (kim)', address: '127.0.0.1' })
    const changed = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'access token rotated')
    expect(changed).toMatchObject({ caller: 'admin token', address: '127.0.0.1', token_name: 'kim', token_id: 2 })
    // No field of a line is written twice.
    for (const line of lines) expect(line.match(/"address":/g)?.length ?? 1).toBe(1)
  })
})
