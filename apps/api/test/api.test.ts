import { chmodSync } from 'node:fs'
import { hostname } from 'node:os'
import { describe, expect, test } from 'vitest'
import { createApi, OptionsError } from '../src/index.ts'
import { ADMIN, recordLog, startApi } from './kit.ts'

const LISTENING = { publicUrl: undefined as unknown as string }

describe('createApi', () => {
  test('requires an admin token for any address but loopback', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1'])
      await expect(createApi({ host, databaseUrl: 'sqlite::memory:' })).rejects.toThrow(OptionsError)
  })

  test('refuses an admin token that is easy to guess for any address but loopback', async () => {
    for (const adminToken of ['x', 'changeme', 'passwordpassword', '1234567890123456']) {
      const created = createApi({ host: '192.0.2.1', adminToken, databaseUrl: 'sqlite::memory:' })
      await expect(created).rejects.toThrow(OptionsError)
      await expect(created).rejects.toThrow('`192.0.2.1` requires an admin token that is hard to guess')
      await expect(created).rejects.not.toThrow('passwordpassword')
    }
    await startApi({ adminToken: 'x' })
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

  test.each([
    [{ publicUrl: 'https://rca.example.com' }, []],
    [{ publicUrl: 'http://127.0.0.1:8080' }, []],
    [{ publicUrl: 'http://rca.example.com' }, [/^tokens and data travel unencrypted/]],
    [{ ...LISTENING, host: '127.0.0.1' }, []],
    [
      { ...LISTENING, host: '0.0.0.0' },
      [/^`RCA_PUBLIC_URL` is not set: .* may not reach/, /^tokens and data travel unencrypted/],
    ],
  ])('with %j warns about the address of the platform', async (options, warnings) => {
    const { log, logged } = recordLog()
    const { listen } = await startApi({ adminToken: ADMIN, ...options, log })
    await listen()
    const lines = logged()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const about = lines.filter(({ public_url }) => public_url !== undefined).map(({ msg }) => msg)
    expect(about).toEqual(warnings.map((warning) => expect.stringMatching(warning)))
  })

  test('warns about a database that other users can open', async () => {
    const { databasePath, close } = await startApi()
    await close()
    for (const [mode, isWarned] of [
      [0o666, true],
      [0o640, true],
      [0o600, false],
    ] as const) {
      chmodSync(databasePath, mode)
      const { log, logged } = recordLog()
      const api = await startApi({ databaseUrl: `sqlite:${databasePath}`, log })
      await api.close()
      expect(logged().includes('other users can open the database')).toBe(isWarned)
      if (isWarned) expect(logged()).toContain(`"mode":"${mode.toString(8)}"`)
    }
  })

  test('rejects when its port is in use', async () => {
    const first = await startApi(LISTENING)
    const port = Number(new URL(await first.listen()).port)
    await expect((await startApi({ port })).listen()).rejects.toThrow('EADDRINUSE')
  })
})
