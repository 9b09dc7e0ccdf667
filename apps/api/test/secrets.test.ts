import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { ADMIN, agentIdOf, recordLog, reportOf, startApi } from './kit.ts'

const CANARY = 'canary-Zq7!x'

test('secrets of a configuration and tokens appear neither in files nor in logs nor in other responses', async () => {
  const { log, logged } = recordLog()
  const api = await startApi({ log })
  const provision = (config: object) =>
    api.admin({
      method: 'POST',
      url: '/api/v1/agent/provision',
      payload: { agent_type: 'docker', environment_name: 'a', config },
    })
  const created = await provision({ password: CANARY, image: 'kept:1' })
  expect(created.json().deployment_command).toContain(CANARY)
  const token: string = created.json().agent_token
  const answers = [
    await provision({ password: CANARY, log_level: 'loud', [CANARY]: 1 }).then((response) =>
      response.body.replaceAll(`#/config/${CANARY}`, ''),
    ),
    (await provision({ password: { is: CANARY } })).body,
    (await api.heartbeat(token)).body,
    (await api.send(token, reportOf())).body,
    (
      await api.agent(token, {
        method: 'POST',
        url: '/api/v1/agent/data',
        payload: `{"${CANARY}`,
        headers: { 'content-type': 'application/json' },
      })
    ).body,
    (await api.agent(`${token}x`, { url: '/api/v1/agents' })).body,
  ]
  for (const url of [
    '/api/v1/environments/a',
    '/api/v1/environments',
    '/api/v1/agents',
    '/metrics',
    '/api/v1/agent/types/docker',
  ])
    answers.push((await api.admin(url)).body)
  const key: string = (await api.enroll(token)).json().agent_key
  const successor = (
    await api.agent(key, {
      method: 'POST',
      url: '/api/v1/agent/key/rotate',
      payload: { agent_id: agentIdOf('first'), agent_type: 'docker' },
    })
  ).json().agent_key
  answers.push((await api.heartbeat(successor)).body, (await api.heartbeat(key)).body)
  const rotated = (await api.admin({ method: 'POST', url: '/api/v1/environments/a/token/rotate' })).json()
  answers.push(rotated.tokens[0].instructions)
  await api.close()

  const folder = dirname(api.databasePath)
  const files = readdirSync(folder).map((file) => readFileSync(join(folder, file)))
  const places = { logs: Buffer.from(logged()), answers: Buffer.from(answers.join('\n')), files: Buffer.concat(files) }
  expect(places.files.includes('kept:1')).toBe(true)
  expect(logged()).toContain('provisioned')
  for (const [place, content] of Object.entries(places)) {
    for (const secret of [CANARY, token, token.slice(-43), rotated.tokens[0].agent_token, ADMIN, key, successor])
      expect(content.includes(secret), `${secret} in ${place}`).toBe(false)
  }
})
