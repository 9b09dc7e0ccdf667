import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type Client, exampleConnector, host, signals } from '../../test/example-connector.ts'
import { startPlatform } from '../../test/platform.ts'
import { recordingLogger } from '../../test/recording-logger.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import type { ConfigSchema } from '../config/config-schema.ts'
import { secret } from '../config/option-schemas.ts'
import { silentLogger } from '../logger.ts'
import { AGENT_PATHS } from '../platform/protocol.ts'
import { createAgent } from './agent.ts'

const TOKEN = 'agent_canary_7d1e90'
const PASSWORD = 'canary"\\/ pässword'
const NESTED = 'canary-nested-5c2b'

const forms = [TOKEN, PASSWORD, NESTED].flatMap((text) => [
  text,
  encodeURIComponent(text),
  JSON.stringify(text).slice(1, -1),
  JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1),
])

test('no secret leaves the process except in the Authorization header, wherever a connector puts it', async () => {
  const said = `${TOKEN} ${PASSWORD} ${encodeURIComponent(PASSWORD)} ${JSON.stringify({ NESTED, PASSWORD })}`
  const connector = exampleConnector({
    config: z.object({ password: secret(), registry: z.object({ key: secret() }) }),
    connect: async ({ log }) => {
      log.info({ said, [said]: { deep: [new Error(said)] } }, said)
      return { name: 'x' }
    },
    identify: async () => ({ id: said, name: said, entity: { type: 'host', id: said } }),
    collectors: {
      entities: {
        collect: async () => ({
          entities: [
            {
              ...signals.host.entity({ id: said, name: said, attributes: { note: [said] } }),
              relations: [{ type: said.slice(0, 200), target: { type: 'host', id: said } }],
            },
          ],
        }),
      },
      metrics: {
        collect: async () => ({ metrics: [signals.load.point(1, { type: 'host', id: said }, { note: said })] }),
      },
      gaps: { collect: async () => ({ gaps: [{ scope: said, reason: said }] }) },
      errors: { collect: () => Promise.reject(new Error(said)) },
      texts: { collect: () => Promise.reject(said) },
      undeclared: {
        collect: async () =>
          ({
            [said]: [],
            metrics: [{ ...signals.load.point(1, host)!, name: said }],
            events: [{ name: said }],
          }) as never,
      },
    },
    watchers: {
      events: {
        watch: async (_client: Client, { emit }) => {
          emit({
            events: [signals.rebooted.event({ at: new Date(), entity: host, body: said, attributes: { note: said } })],
          })
          throw new Error(said)
        },
      },
    },
  })
  const platform = await startPlatform()
  const logger = recordingLogger()
  const agent = createAgent({
    connector,
    platformUrl: platform.url,
    agentToken: TOKEN,
    logger,
    config: { password: PASSWORD, registry: { key: NESTED }, collect_interval: '20ms', heartbeat_interval: '20ms' },
  })
  await agent.start()
  await platform.until(
    () =>
      platform.reports().some(({ data }) => data.events.length > 0) &&
      platform
        .heartbeats()
        .some(({ collectors }) => collectors.events?.ok === false && collectors.errors !== undefined),
  )
  const report = await agent.collectMetrics()
  const status = agent.status()
  expect(
    await agent.sendData({
      ...report,
      data: { ...report.data, gaps: [{ scope: said, reason: said, since: report.timestamp }] },
    }),
  ).toBe(true)
  await agent.stop()

  expect(platform.violations).toEqual([])
  expect(platform.calls[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`)
  const bodies = platform.calls.map(({ text }) => text)
  const outside = [...bodies, JSON.stringify(logger.lines), JSON.stringify(report), JSON.stringify(status)].join('\n')
  expect(outside).toContain('[redacted]')
  for (const form of forms) expect(outside.includes(form), form).toBe(false)
})

test('the key of the agent does not leave the process either', async () => {
  const key = `agentkey_${'canary'.repeat(8)}`
  const platform = await startPlatform(({ path }) =>
    path === AGENT_PATHS.enroll
      ? { status: 201, body: { agent_key: key, expires_at: '2026-12-22T12:00:00.000Z' } }
      : undefined,
  )
  const logger = recordingLogger()
  const bearers = (): (string | undefined)[] => platform.calls.map(({ headers }) => headers.authorization)
  const errors = {
    collect: async () => {
      if (bearers().includes(`Bearer ${key}`)) throw new Error(`leaked ${key}`)
      return {}
    },
  }
  const agent = createAgent({
    connector: exampleConnector({ collectors: { errors } }),
    platformUrl: platform.url,
    agentToken: TOKEN,
    logger,
    stateDirectory: await temporaryDirectory(),
    config: { collect_interval: '20ms', heartbeat_interval: '20ms' },
  })
  await agent.start()
  await platform.until(
    () =>
      bearers().filter((bearer) => bearer === `Bearer ${key}`).length > 3 &&
      platform.heartbeats().some(({ collectors }) => collectors.errors?.error?.includes('leaked') === true),
  )
  expect(agent.status()).toMatchObject({ enrolled: true, keyExpiresAt: '2026-12-22T12:00:00.000Z' })
  await agent.stop()
  expect(logger.messages('warn')).toContain('collector failed')
  const bodies = platform.calls.map(({ text }) => text)
  expect([...bodies, JSON.stringify(logger.lines), JSON.stringify(agent.status())].join('\n')).not.toContain(key)
})

test('an invalid configuration does not reveal its secrets', () => {
  const connector = exampleConnector({ config: z.object({ password: secret().max(3) }) })
  const make = (): unknown =>
    createAgent({ connector, platformUrl: 'https://x', agentToken: TOKEN, config: { password: PASSWORD } })
  expect(make).toThrow('`password`: Too big')
  expect(make).not.toThrow(PASSWORD)
})

test('a failed connection gives its reason without secrets', async () => {
  const connector = exampleConnector({
    config: z.object({ password: secret() }) as ConfigSchema,
    connect: async ({ config }) => {
      const { password } = config as { password: string }
      throw new Error(`login failed for u:${password}`, { cause: new Error(`401 for ${password}`) })
    },
  })
  const agent = createAgent({
    connector,
    platformUrl: 'http://127.0.0.1:1',
    agentToken: 'token',
    config: { password: 'hunter2222' },
    logger: silentLogger,
  })
  const error: unknown = await agent.collectMetrics().catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'RCA_CONNECTION_FAILED',
    message: 'login failed for u:[redacted]: 401 for [redacted]',
  })
  expect(inspect(error, { depth: 10 })).not.toContain('hunter2222')
  await agent.stop()
})
