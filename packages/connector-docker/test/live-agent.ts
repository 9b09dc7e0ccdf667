import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import { type Agent, createAgent, type RawConfig, silentLogger } from '@rca/core'
import type { Event } from '@rca/core/connector'
import type { Report } from '@rca/core/protocol'
import { docker } from '../src/index.ts'

/** A running agent on a real engine, with its delivered reports. */
export interface LiveAgent {
  readonly agent: Agent
  /** Reports in order of arrival. */
  readonly reports: readonly Report[]
  events(): Event[]
  stop(): Promise<void>
}

/**
 * Starts an agent with a platform that records its reports.
 *
 * @param take receives each report, which is not recorded then
 * @param stateDirectory keeps the state for the next agent @default none
 */
export async function startLiveAgent(
  config: RawConfig,
  take?: (report: Report) => void,
  stateDirectory?: string,
): Promise<LiveAgent> {
  const reports: Report[] = []
  const keep = take ?? ((report: Report) => void reports.push(report))
  const platform = createServer(async (request, response) => {
    const body = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
    const read = JSON.parse(await text(body)) as { readonly reports?: readonly Report[] }
    if (request.url?.endsWith('/enroll') === true) {
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(agentKey()))
      return
    }
    for (const report of read.reports ?? []) keep(report)
    const answer =
      read.reports === undefined
        ? { interval_seconds: 30, server_time: new Date().toISOString() }
        : { accepted: read.reports.length, duplicates: 0 }
    const status = read.reports === undefined ? 200 : 202
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => platform.listen(0, '127.0.0.1', resolve))
  const platformUrl = `http://127.0.0.1:${(platform.address() as AddressInfo).port}`
  const options = { connector: docker, platformUrl, agentToken: 'agent-of-a-test', config, logger: silentLogger }
  const agent = createAgent(stateDirectory === undefined ? options : { ...options, stateDirectory })
  await agent.start()
  return {
    agent,
    reports,
    events: () => reports.flatMap(({ data }) => data.events as Event[]),
    stop: async () => {
      await agent.stop()
      platform.closeAllConnections()
      await new Promise((resolve) => platform.close(resolve))
    },
  }
}

/** Returns the answer to an enrolment. */
function agentKey() {
  return { agent_key: `agentkey_${'0'.repeat(43)}`, expires_at: new Date(Date.now() + 86_400_000).toISOString() }
}

/** Polls until there is an answer. @throws after the timeout */
export async function eventually<Answer>(
  what: string,
  ask: () => Answer | undefined | false | Promise<Answer | undefined | false>,
  milliseconds = 30_000,
): Promise<Answer> {
  for (const deadline = Date.now() + milliseconds; Date.now() < deadline; await sleep(100)) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
  }
  throw new Error(`${what} did not happen`)
}
