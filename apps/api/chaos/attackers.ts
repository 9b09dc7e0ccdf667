import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { v4, v7 } from 'uuid'
import type { Answers } from './answers.ts'
import type { Platform } from './platform.ts'

const STALLED_CONNECTIONS = 8

/** Attacks with the token of another environment, with wrong tokens, and with malformed HTTP. */
export async function attack(platform: Platform, answers: Answers, token: string, stop: AbortSignal): Promise<void> {
  const post = async (path: string, text: string, bearer = token): Promise<void> => {
    try {
      const response = await fetch(`${platform.url()}/api/v1/agent/${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${bearer}`,
          'content-type': 'application/json',
          'content-encoding': 'gzip',
        },
        body: gzipSync(text),
        signal: AbortSignal.timeout(30_000),
      })
      answers.add('attacker', response.status, `POST ${path}`, await response.text())
    } catch {
      answers.add('attacker', 0, `POST ${path}`)
    }
  }
  const attacks: readonly (() => Promise<void>)[] = [
    () => post('data', bodyWith(objectOf(200_000, 'null'))),
    () => post('data', `{"reports":[${Array(1000).fill('{}').join()}]}`),
    () => post('data', '['.repeat(500_000)),
    () => post('data', 'x'.repeat(12 * 2 ** 20)),
    () => post('heartbeat', `{"collectors":${objectOf(100_000, '{}')}}`),
    () => post('data', bodyWith('{}'), `agent_chaos_${v4()}`),
    () => post('data', bodyWith(`{"\\u001b]0;${'a'.repeat(100)}":"\\u202e"}`)),
    () => post('data', bodyWith('{}', v4())),
    async () => stall(platform, token),
    async () => sendRaw(platform, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1\r\n'),
  ]
  for (let round = 0; !stop.aborted; round += 1) {
    await attacks[round % attacks.length]?.()
    await sleep(300, undefined, { signal: stop }).catch(() => undefined)
  }
}

function objectOf(fields: number, value: string): string {
  return `{${Array.from({ length: fields }, (_, index) => `"a${index}":${value}`).join()}}`
}

/** A report of one metric with these attributes. */
function bodyWith(attributes: string, agentId = '6f1a1d0e-2c55-4d7c-9e0a-1b2c3d4e5f60'): string {
  const host = '{"type":"host","id":"h"}'
  const metric = `{"name":"system.uptime","unit":"s","kind":"gauge","entity":${host},"value":1,"attributes":${attributes}}`
  const data = `{"entities":[],"metrics":[${metric}],"events":[],"gaps":[]}`
  const head = `"report_id":"${v7()}","agent_id":"${agentId}","agent_type":"server","agent_version":"1.0.0"`
  return `{"reports":[{${head},"sequence":0,"timestamp":"${new Date().toISOString()}","data":${data}}]}`
}

/** Opens connections whose bodies never come. */
function stall(platform: Platform, token: string): void {
  const head = `POST /api/v1/agent/data HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
  for (let count = 0; count < STALLED_CONNECTIONS; count += 1) sendRaw(platform, head)
}

function sendRaw(platform: Platform, text: string): void {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(platform.url()).port) }, () => socket.write(text))
  socket.on('error', () => undefined).resume()
  socket.setTimeout(15_000, () => socket.destroy())
}
