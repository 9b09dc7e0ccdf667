import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Endpoint } from '../src/engine/endpoint.ts'
import type { Captured } from './fixtures.ts'

/** Answers a question in a way of its own. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** An engine's API on a socket, which answers with what was captured. It is closed after the test. */
export interface EngineServer {
  readonly path: string
  readonly endpoint: Endpoint
  /** What was asked, such as `/containers/json?all=true`, in order. */
  readonly asked: string[]
  /** Connections that are open. */
  connections(): number
  /** Every connection that was ever opened. */
  opened(): number
  close(): Promise<void>
}

/** @param answers by path without a query, before those that were captured */
export async function engineServer(
  of: Captured,
  answers: Readonly<Record<string, Answer>> = {},
): Promise<EngineServer> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-engine-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'docker.sock')
  const captured = capturedAnswers(of)
  const asked: string[] = []
  const listening = await listen((request, response) => {
    asked.push(decodeURIComponent(request.url ?? ''))
    const [question = ''] = decodeURIComponent(request.url ?? '').split('?')
    const answer = answers[question] ?? captured[question] ?? refusing(404, 'No such thing')
    answer(request, response)
  }, path)
  return { path, endpoint: { kind: 'socket', path }, asked, ...listening }
}

/** The same over TCP, on a port that is free. */
export async function tcpServer(listener: RequestListener): Promise<{ readonly port: number }> {
  const { address } = await listen(listener, 0)
  return { port: (address as AddressInfo).port }
}

/** A refusal as the engine writes it. */
export function refusing(status: number, message: string): Answer {
  return (_request, response) => json(response, status, { message })
}

/** Begins to answer and breaks off. */
export const breakingOff: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
  response.write('[{"Id":', () => response.destroy())
}

/** Never answers. */
export const silent: Answer = () => undefined

export function answering(body: string | Buffer, type = 'application/json'): Answer {
  return (_request, response) => response.writeHead(200, { 'content-type': type }).end(body)
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function capturedAnswers(of: Captured): Readonly<Record<string, Answer>> {
  const file = (name: string): Answer => answering(of.bytes(name))
  const containers = of.containerNames.flatMap((name) => {
    const { id } = of.container(name)
    const stats = of.stats(name)
    const log = ['crashed', 'tty'].includes(name)
      ? answering(of.bytes(`log-${name}.bin`), 'application/octet-stream')
      : refusing(500, 'configured logging driver does not support reading')
    return [
      [`/containers/${id}/json`, file(`container-${name}.json`)],
      [`/containers/${id}/stats`, stats === undefined ? refusing(409, 'not running') : file(`stats-${name}.json`)],
      [`/containers/${id}/logs`, log],
    ] as const
  })
  return {
    '/info': file('info.json'),
    '/version': file('version.json'),
    '/containers/json': file('containers.json'),
    '/images/json': file('images.json'),
    [`/images/${of.container('plain').imageId}/json`]: file('image.json'),
    '/networks': file('networks.json'),
    '/volumes': file('volumes.json'),
    '/system/df': file('df.json'),
    // What it remembers, and then nothing until somebody hangs up.
    '/events': (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write(of.bytes('events.jsonl'))
    },
    ...Object.fromEntries(containers),
  }
}

async function listen(listener: RequestListener, where: string | number) {
  const server = createServer(listener)
  const open = new Set<Socket>()
  let opened = 0
  server.on('connection', (socket) => {
    opened += 1
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where })
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  onTestFinished(close)
  return { address: server.address(), connections: () => open.size, opened: () => opened, close }
}
