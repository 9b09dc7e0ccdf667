import { hostname } from 'node:os'
import { describe, expect, test } from 'vitest'
import { createApi, OptionsError } from '../src/index.ts'
import { startApi } from './kit.ts'

const LISTENING = { publicUrl: undefined as unknown as string }

describe('createApi', () => {
  test('requires an admin token for any address but loopback', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1'])
      await expect(createApi({ host, databaseUrl: 'sqlite::memory:' })).rejects.toThrow(OptionsError)
  })

  test('refuses another database than SQLite', async () => {
    await expect(createApi({ databaseUrl: 'postgres://db' })).rejects.toThrow('`DATABASE_URL` must be `sqlite:<path>`')
  })

  test('generates an admin token, which opens the admin routes', async () => {
    const api = await createApi({ port: 0, databaseUrl: 'sqlite::memory:' })
    expect(api.adminTokenGenerated).toBe(true)
    const headers = { authorization: `Bearer ${api.adminToken}` }
    expect((await api.app.inject({ url: '/api/v1/agents', headers })).json()).toEqual({ agents: [], next_cursor: null })
    await Promise.all([api.close(), api.close()])
  })

  test('returns the host’s name as its address when it listens on all addresses', async () => {
    const api = await startApi({ ...LISTENING, host: '0.0.0.0' })
    expect(await api.listen()).toMatch(new RegExp(`^http://${hostname()}:\\d+$`))
  })

  test('rejects when its port is in use', async () => {
    const first = await startApi(LISTENING)
    const port = Number(new URL(await first.listen()).port)
    await expect((await startApi({ port })).listen()).rejects.toThrow('EADDRINUSE')
  })
})
