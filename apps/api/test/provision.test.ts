import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { at, startApi } from './kit.ts'

const provision = (payload: object) => ({ method: 'POST' as const, url: '/api/v1/agent/provision', payload })

describe('provisioning', () => {
  test('returns the token, the command and the alternatives of the connector', async () => {
    const api = await startApi()
    const response = await api.admin(
      provision({ agent_type: 'docker', environment_name: 'prod-cluster-1', config: { log_level: 'debug' } }),
    )
    expect(response.statusCode).toBe(201)
    expect(response.headers['cache-control']).toBe('no-store')
    const body = response.json()
    expect(body).toEqual({
      agent_type: 'docker',
      environment_name: 'prod-cluster-1',
      agent_token: expect.stringMatching(/^agent_prod-cluster-1_[A-Za-z0-9_-]{43}$/),
      token_expires_at: at(86_400),
      token_uses: null,
      deployment_command: `docker run --url https://rca.example.com --token ${body.agent_token} log_level=debug example/agent:latest`,
      deployment_commands: {
        linux: `install --linux ${body.agent_token}`,
        windows: `install --windows ${body.agent_token}`,
      },
      alternatives: {
        linux: {
          deployment_command: `install --linux ${body.agent_token}`,
          uninstall_command: 'install --linux --remove',
          verify_command: 'install --linux --status',
          instructions: expect.stringMatching(/^1\. Ensure that curl is installed\.\n2\. Run: install --linux /),
        },
        windows: {
          deployment_command: `install --windows ${body.agent_token}`,
          instructions: `1. Run: install --windows ${body.agent_token}`,
        },
      },
      uninstall_command: 'docker rm',
      verify_command: 'docker ps',
      instructions: expect.stringContaining('1. Ensure that Docker is installed.'),
    })
  })

  test('warns in the instructions when the token would travel unencrypted', async () => {
    for (const [publicUrl, begins] of [
      ['http://rca.example.com', /^Warning: `http:\/\/rca\.example\.com` is not encrypted/],
      ['https://rca.example.com', /^1\. /],
      ['http://127.0.0.1:8080', /^1\. /],
    ] as const) {
      const api = await startApi({ publicUrl })
      const payload = { agent_type: 'docker', environment_name: 'a' }
      const { instructions, alternatives } = (await api.admin(provision(payload))).json()
      for (const text of [instructions, alternatives.linux.instructions, alternatives.windows.instructions])
        expect(text).toMatch(begins)
    }
  })

  test('warns in the instructions when the address of the platform is only the name of its host', async () => {
    const api = await startApi({ publicUrl: undefined as unknown as string, host: '0.0.0.0' })
    const { instructions } = (await api.admin(provision({ agent_type: 'docker', environment_name: 'a' }))).json()
    const [guessed, unencrypted, first] = instructions.split('\n')
    expect(guessed).toMatch(/^Warning: `http:\/\/\S+` contains the name .* Set `RCA_PUBLIC_URL` of the platform\.$/)
    expect(unencrypted).toMatch(/^Warning: .* is not encrypted/)
    expect(first).toMatch(/^1\. /)
  })

  test('leaves out fields that the connector does not define', async () => {
    const api = await startApi()
    const body = (await api.admin(provision({ agent_type: 'server', environment_name: 'a' }))).json()
    expect(Object.keys(body)).toEqual([
      'agent_type',
      'environment_name',
      'agent_token',
      'token_expires_at',
      'token_uses',
      'deployment_command',
      'instructions',
    ])
  })

  test('stores only the digest of the token', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.close()
    const file = readFileSync(api.databasePath)
    expect(file.includes(token)).toBe(false)
    expect(file.includes(token.slice(-43))).toBe(false)
    expect(file.includes(createHash('sha256').update(token).digest('hex'))).toBe(true)
  })

  test('adds a token each time, for any number of types', async () => {
    const api = await startApi()
    const tokens = [
      await api.provision('a', 'docker'),
      await api.provision('a', 'docker'),
      await api.provision('a', 'server'),
    ]
    expect(new Set(tokens).size).toBe(3)
    const environment = (await api.admin('/api/v1/environments/a')).json()
    expect(environment).toMatchObject({ name: 'a', agent_types: ['docker', 'server'], agents: 0 })
    expect(
      environment.tokens.map((token: { agent_type: string; state: string }) => [token.agent_type, token.state]),
    ).toEqual([
      ['server', 'valid'],
      ['docker', 'valid'],
      ['docker', 'valid'],
    ])
    expect(JSON.stringify(environment)).not.toContain('agent_a_')
  })

  test.each([
    [
      { agent_type: 'dokcer', environment_name: 'a' },
      '#/agent_type',
      /Did you mean `docker`\? Supported: `docker`, `server`/,
    ],
    [
      { agent_type: 'docker', environment_name: 'a', config: { log_levl: 'debug' } },
      '#/config/log_levl',
      /Did you mean `log_level`\?/,
    ],
    [
      { agent_type: 'docker', environment_name: 'a', config: { log_level: 'loud' } },
      '#/config/log_level',
      /expected one of/,
    ],
    [
      { agent_type: 'docker', environment_name: 'a', config: { 'a/b~c d': 1 } },
      '#/config/a~1b~0c%20d',
      /is not an option/,
    ],
    [
      { agent_type: 'docker', environment_name: 'a', config: { token_tll: '1h' } },
      '#/config/token_tll',
      /^is not an option\. Did you mean `token_ttl`\?$/,
    ],
    [{ agent_type: 'docker', environment_name: 'a b' }, '#/environment_name', /letters, digits/],
    [{ agent_type: 'docker', environment_name: 'x'.repeat(64) }, '#/environment_name', /at most 63/],
    [{ agent_type: 'docker', environment_name: '../a' }, '#/environment_name', /letters, digits/],
    [{ agent_type: 'docker' }, '#/environment_name', /^This field is required and must be a string\.$/],
    [{ agent_type: 'docker', environment_name: 'a', konfig: {} }, '#/konfig', /^Unknown field\.$/],
    [{ agent_type: '', environment_name: 'a' }, '#/agent_type', /too small/i],
    [{ agent_type: 'x'.repeat(257), environment_name: 'a' }, '#/agent_type', /too big/i],
    [{ agent_type: 1, environment_name: 'a' }, '#/agent_type', /^Must be a string\.$/],
    [{ agent_type: '__proto__', environment_name: 'a' }, '#/agent_type', /Supported: `docker`, `server`/],
    [{ agent_type: 'docker', environment_name: 'a', config: [] }, '#/config', /^Must be an object, not an array\.$/],
    [{ agent_type: 'docker', environment_name: 'a', config: null }, '#/config', /^Must be an object, not null\.$/],
    [{ agent_type: 'docker', environment_name: 'a', config: { image: 'a\u0000b' } }, '#/config', /./],
    [[], '#', /^Must be an object, not an array\.$/],
  ])('refuses %j and points at the field', async (payload, pointer, detail) => {
    const api = await startApi()
    const response = await api.admin(provision(payload))
    expect(response.statusCode).toBe(422)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(response.json()).toMatchObject({ type: 'about:blank', title: 'Unprocessable Entity', status: 422 })
    expect(response.json().errors).toEqual([{ pointer, detail: expect.stringMatching(detail) }])
    expect((await api.admin('/api/v1/environments')).json().environments).toEqual([])
  })

  test('lists the types, and describes one with its options', async () => {
    const api = await startApi()
    expect((await api.admin('/api/v1/agent/types')).json()).toEqual({
      types: ['docker', 'server'],
      descriptions: { docker: 'Watch a Docker host', server: 'Watch a server' },
      connectors: {},
    })
    const type = (await api.admin('/api/v1/agent/types/docker')).json()
    expect(type).toMatchObject({
      type: 'docker',
      title: 'Docker',
      config: {
        properties: {
          password: { writeOnly: true },
          log_level: { default: 'info' },
          token_ttl: { default: '24h', deploymentOnly: true },
          token_uses: { default: 'unlimited', deploymentOnly: true },
        },
      },
    })
    expect((await api.admin('/api/v1/agent/types/dokcer')).statusCode).toBe(404)
  })
})
