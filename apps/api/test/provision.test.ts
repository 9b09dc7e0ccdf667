import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startApi } from './start-api.ts'

const provision = (payload: object) => ({ method: 'POST' as const, url: '/api/v1/agent/provision', payload })

describe('provisioning', () => {
  it('answers with the fields of the specification, and those that the connector offers beside them', async () => {
    const api = await startApi()
    const response = await api.admin(
      provision({ agent_type: 'kiln', environment_name: 'prod-cluster-1', config: { log_level: 'debug' } }),
    )
    expect(response.statusCode).toBe(201)
    expect(response.headers['cache-control']).toBe('no-store')
    const body = response.json()
    expect(body).toEqual({
      agent_type: 'kiln',
      environment_name: 'prod-cluster-1',
      agent_token: expect.stringMatching(/^agent_prod-cluster-1_[A-Za-z0-9_-]{43}$/),
      deployment_command: `fire --url https://rca.example.com --token ${body.agent_token} log_level=debug example/kiln:latest`,
      deployment_commands: { gas: `fire --gas ${body.agent_token}`, wood: `fire --wood ${body.agent_token}` },
      alternatives: {
        gas: {
          deployment_command: `fire --gas ${body.agent_token}`,
          uninstall_command: 'fire --gas --out',
          verify_command: 'fire --gas --status',
          instructions: expect.stringMatching(/^1\. Ensure that the gas is on\.\n2\. Run: fire --gas /),
        },
        wood: {
          deployment_command: `fire --wood ${body.agent_token}`,
          instructions: `1. Run: fire --wood ${body.agent_token}`,
        },
      },
      uninstall_command: 'fire --out',
      verify_command: 'fire --status',
      instructions: expect.stringContaining('1. Ensure that the kiln is cold.'),
    })
  })

  it('leaves out what a connector does not offer', async () => {
    const api = await startApi()
    const body = (await api.admin(provision({ agent_type: 'oven', environment_name: 'a' }))).json()
    expect(Object.keys(body)).toEqual([
      'agent_type',
      'environment_name',
      'agent_token',
      'deployment_command',
      'instructions',
    ])
  })

  it('stores only the digest of the token', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.close()
    const file = readFileSync(api.databasePath)
    expect(file.includes(token)).toBe(false)
    expect(file.includes(token.slice(-43))).toBe(false)
    expect(file.includes(createHash('sha256').update(token).digest('hex'))).toBe(true)
  })

  it('adds a token each time: an environment holds any number of types and tokens', async () => {
    const api = await startApi()
    const tokens = [
      await api.provision('a', 'kiln'),
      await api.provision('a', 'kiln'),
      await api.provision('a', 'oven'),
    ]
    expect(new Set(tokens).size).toBe(3)
    const environment = (await api.admin('/api/v1/environments/a')).json()
    expect(environment).toMatchObject({ name: 'a', agent_types: ['kiln', 'oven'], agents: 0 })
    expect(
      environment.tokens.map((token: { agent_type: string; state: string }) => [token.agent_type, token.state]),
    ).toEqual([
      ['oven', 'valid'],
      ['kiln', 'valid'],
      ['kiln', 'valid'],
    ])
    expect(JSON.stringify(environment)).not.toContain('agent_a_')
  })

  it.each([
    [{ agent_type: 'klin', environment_name: 'a' }, '#/agent_type', /Did you mean `kiln`\? Supported: `kiln`, `oven`/],
    [
      { agent_type: 'kiln', environment_name: 'a', config: { log_levl: 'debug' } },
      '#/config/log_levl',
      /Did you mean `log_level`\?/,
    ],
    [
      { agent_type: 'kiln', environment_name: 'a', config: { log_level: 'loud' } },
      '#/config/log_level',
      /expected one of/,
    ],
    [{ agent_type: 'kiln', environment_name: 'a', config: { 'a/b~c d': 1 } }, '#/config/a~1b~0c%20d', /no such option/],
    [{ agent_type: 'kiln', environment_name: 'a b' }, '#/environment_name', /letters, digits/],
    [{ agent_type: 'kiln', environment_name: 'x'.repeat(64) }, '#/environment_name', /at most 63/],
    [{ agent_type: 'kiln', environment_name: '../a' }, '#/environment_name', /letters, digits/],
    [{ agent_type: 'kiln' }, '#/environment_name', /^This field is required and must be a string\.$/],
    [{ agent_type: 'kiln', environment_name: 'a', konfig: {} }, '#/konfig', /^Unknown field\.$/],
    [{ agent_type: '', environment_name: 'a' }, '#/agent_type', /too small/i],
    [{ agent_type: 'x'.repeat(257), environment_name: 'a' }, '#/agent_type', /too big/i],
    [{ agent_type: 1, environment_name: 'a' }, '#/agent_type', /^Must be a string\.$/],
    [{ agent_type: '__proto__', environment_name: 'a' }, '#/agent_type', /Supported: `kiln`, `oven`/],
    [{ agent_type: 'kiln', environment_name: 'a', config: [] }, '#/config', /^Must be an object, not an array\.$/],
    [{ agent_type: 'kiln', environment_name: 'a', config: null }, '#/config', /^Must be an object, not null\.$/],
    [{ agent_type: 'kiln', environment_name: 'a', config: { image: 'a\u0000b' } }, '#/config', /./],
    [[], '#', /^Must be an object, not an array\.$/],
  ])('answers %j with a pointer', async (payload, pointer, detail) => {
    const api = await startApi()
    const response = await api.admin(provision(payload))
    expect(response.statusCode).toBe(422)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(response.json()).toMatchObject({ type: 'about:blank', title: 'Unprocessable Entity', status: 422 })
    expect(response.json().errors).toEqual([{ pointer, detail: expect.stringMatching(detail) }])
    expect((await api.admin('/api/v1/environments')).json().environments).toEqual([])
  })

  it('lists types as the specification does, and describes one', async () => {
    const api = await startApi()
    expect((await api.admin('/api/v1/agent/types')).json()).toEqual({
      types: ['kiln', 'oven'],
      descriptions: { kiln: 'Watch a kiln', oven: 'Watch an oven' },
    })
    const type = (await api.admin('/api/v1/agent/types/kiln')).json()
    expect(type).toMatchObject({
      type: 'kiln',
      title: 'Kiln',
      config: { properties: { password: { writeOnly: true }, log_level: { default: 'info' } } },
    })
    expect((await api.admin('/api/v1/agent/types/klin')).statusCode).toBe(404)
  })
})
