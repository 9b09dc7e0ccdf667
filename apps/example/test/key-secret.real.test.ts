import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApi } from '@rca/api'
import { findKubectl, missingForApiServer, run, startApiServer } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import ky from 'ky'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, type Program, startProgram } from './processes.ts'

const bin = new URL('../../../node_modules/.bin', import.meta.url).pathname
const kubectl = await findKubectl()
const absence = kubectl === undefined ? { missing: '`kubectl`' } : await missingForApiServer()

const DAY_MS = 86_400_000

interface Agent {
  readonly enrolled?: boolean
  readonly instances?: readonly { readonly role: string; readonly last_heartbeat_at: string }[]
}

/** End to end: two agents as processes of their own, an API server, and a platform whose clock the test moves. */
realDescribe('replicas that share a key in a Secret', absence, () => {
  test('use it without a state directory, and go on after the leader replaced it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rca-key-secret-'))
    const server = await startApiServer({ folder: join(directory, 'server') })
    const programs: Program[] = []
    let aheadMs = 0
    const now = (): number => Date.now() + aheadMs
    const databaseUrl = `sqlite:${join(directory, 'rca.sqlite')}`
    const api = await createApi({ port: 0, databaseUrl, heartbeatInterval: '1s', maxEventLoopDelayMs: 0, now })
    onTestFinished(async () => {
      await Promise.all(programs.map((program) => program.stop()))
      await api.close()
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    }, 60_000)
    const url = await api.listen()
    const admin = ky.create({ prefix: url, headers: { authorization: `Bearer ${api.adminToken}` }, retry: 0 })
    const askKubectl = (...words: string[]): Promise<string> =>
      run(kubectl ?? '', ['--kubeconfig', server.kubeconfig, '--namespace=default', ...words])
    const json = { agent_type: 'kubernetes', environment_name: 'prod', config: { token_uses: 1 } }
    const { agent_token: token } = await admin.post('api/v1/agent/provision', { json }).json<{ agent_token: string }>()
    const startAgent = (): void => {
      const env = {
        PLATFORM_API_URL: url,
        AGENT_TOKEN: token,
        AGENT_TYPE: 'kubernetes',
        KUBECONFIG: server.kubeconfig,
        KEY_SECRET: 'agent-key',
        LEASE_NAME: 'agents',
        RCA_HEALTH_PORT: 'off',
      }
      programs.push(startProgram(join(bin, 'rca-agent'), [], { cwd: directory, env }))
    }
    /** Waits until every replica sent a heartbeat from now on, and the leader has a key. */
    const enrolled = (replicas: number): Promise<boolean> => {
      const from = now()
      return eventually(`heartbeats of ${replicas} replicas`, async () => {
        const query = { searchParams: { environment: 'prod' } }
        const [agent] = (await admin.get('api/v1/agents', query).json<{ agents: Agent[] }>()).agents
        const recent = agent?.instances?.filter(({ last_heartbeat_at: at }) => Date.parse(at) >= from) ?? []
        return recent.length === replicas && agent?.enrolled === true
      })
    }
    const savedKey = async (): Promise<string> => {
      const { data = {} } = JSON.parse(await askKubectl('get', 'secret', 'agent-key', '--output=json')) as {
        data?: Record<string, string>
      }
      const [saved = ''] = Object.values(data)
      return (JSON.parse(Buffer.from(saved, 'base64').toString()) as { agent_key: string }).agent_key
    }

    await askKubectl('create', 'secret', 'generic', 'agent-key')
    startAgent()
    await enrolled(1)
    const key = await savedKey()
    await admin.post('api/v1/environments/prod/token/rotate', { json: { grace_seconds: 0 } })
    startAgent()
    await enrolled(2)
    expect(await savedKey()).toBe(key)

    aheadMs += 25 * DAY_MS
    await eventually('another key', async () => (await savedKey()) !== key)
    // The standby's key was replaced: it reads the Secret again.
    await enrolled(2)
    await enrolled(2)
    expect(programs.map(({ stderr }) => stderr()).join('')).not.toContain('refused')
    for (const { stderr } of programs)
      for (const secret of [token, key, await savedKey()]) expect(stderr()).not.toContain(secret)
  }, 180_000)
})
