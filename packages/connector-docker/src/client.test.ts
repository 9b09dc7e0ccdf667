import { once } from 'node:events'
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  type Answer,
  answering,
  breakingOff,
  type EngineServer,
  engineServer,
  refusing,
  silent,
  tcpServer,
} from '../test/engine-server.ts'
import { type Captured, captured, engineNames, exactEngine } from '../test/fixtures.ts'
import { openEngine } from './client.ts'
import type { EngineApi, EngineEvent } from './engine/engine-api.ts'
import { EngineError } from './engine/engine-error.ts'

const running = new AbortController().signal
const exact = captured(exactEngine)
const { id: webId, imageId } = exact.container('shop-web-1')

async function open(server: Pick<EngineServer, 'endpoint'>): Promise<EngineApi> {
  const engine = await openEngine(server.endpoint)
  onTestFinished(() => engine.close())
  return engine
}

async function openWith(answers: Readonly<Record<string, Answer>>, of: Captured = exact) {
  const server = await engineServer(of, answers)
  return { server, engine: await open(server) }
}

/** Requests with a single answer. */
const questions: readonly [
  name: string,
  path: string,
  ask: (engine: EngineApi, signal: AbortSignal) => Promise<unknown>,
][] = [
  ['its description', '/info', (engine, signal) => engine.info(signal)],
  ['its containers', '/containers/json', (engine, signal) => engine.containers(signal)],
  [`container ${webId}`, `/containers/${webId}/json`, (engine, signal) => engine.container(webId, signal)],
  [`image ${imageId}`, `/images/${imageId}/json`, (engine, signal) => engine.image(imageId, signal)],
  ['its networks', '/networks', (engine, signal) => engine.networks(signal)],
  ['its volumes', '/volumes', (engine, signal) => engine.volumes(signal)],
  ['its disk usage', '/system/df', (engine, signal) => engine.diskUsage(signal)],
  [`the stats of ${webId}`, `/containers/${webId}/stats`, (engine, signal) => engine.stats(webId, signal)],
  [`the log of ${webId}`, `/containers/${webId}/logs`, (engine, signal) => engine.logs(webId, { lines: 5 }, signal)],
  ['its events', '/events', (engine, signal) => engine.events(undefined, signal)[Symbol.asyncIterator]().next()],
]

describe.each(engineNames)('openEngine: %s over its socket', (name) => {
  const of = captured(name)

  test('returns the answer to every request', async () => {
    const { server, engine } = await openWith({}, of)
    const plain = of.container('plain')
    expect(await engine.info(running)).toEqual(of.info)
    expect((await engine.containers(running)).map(({ id }) => id).toSorted()).toEqual(
      of
        .containers()
        .map(({ id }) => id)
        .toSorted(),
    )
    expect(await engine.container(plain.id, running)).toEqual(plain)
    expect(await engine.image(plain.imageId, running)).toMatchObject({ id: plain.imageId, os: 'linux' })
    expect((await engine.networks(running)).map((network) => network.name)).toContain('shop')
    expect((await engine.volumes(running)).map((volume) => volume.name)).toContain('shop-data')
    expect(await engine.diskUsage(running)).toMatchObject({ volumes: 4_194_304 })
    expect(await engine.stats(plain.id, running)).toEqual(of.stats('plain'))
    expect(await engine.logs(of.container('tty').id, { lines: 100 }, running)).toContain('second line')
    expect(await engine.logs(of.container('crashed').id, { lines: 100 }, running)).toContain('cannot log in')
    // Sequential requests share one connection.
    expect(server.opened()).toBe(1)
  })

  test('streams events until it is aborted, then closes the connection', async () => {
    const { server, engine } = await openWith({}, of)
    const controller = new AbortController()
    const received: EngineEvent[] = []
    const all = of.events()
    for await (const event of engine.events('1795562510.163209447', controller.signal)) {
      received.push(event)
      if (received.length === all.length) controller.abort()
    }
    expect(received).toEqual(all)
    expect(server.requests).toEqual(['/events?since=1795562510.163209447'])
    await vi.waitFor(() => expect(server.connections()).toBe(0), 20_000)
  })
})

describe('openEngine: requests', () => {
  test('requests containers in every state, one-shot stats, and the log of one run', async () => {
    const { server, engine } = await openWith({})
    await engine.containers(running)
    await engine.stats(webId, running)
    const crashed = exact.container('crashed').id
    await engine.logs(crashed, { since: '1795562510.000000001', until: '1795562512', lines: 200 }, running)
    await engine.logs(crashed, { lines: 1 }, running)
    const requests = server.requests.map((address) => new URL(address, 'http://engine'))
    expect(requests.map(({ pathname }) => pathname)).toEqual([
      '/containers/json',
      `/containers/${webId}/stats`,
      `/containers/${crashed}/logs`,
      `/containers/${crashed}/logs`,
    ])
    const parameters = requests.map(({ searchParams }) => Object.fromEntries(searchParams))
    const isTrue = expect.stringMatching(/^(1|true)$/)
    const isFalse = expect.stringMatching(/^(0|false)$/)
    expect(parameters[0]).toEqual({ all: isTrue })
    expect(parameters[1]).toEqual({ stream: isFalse, 'one-shot': isTrue })
    expect(parameters[2]).toMatchObject({
      stdout: isTrue,
      stderr: isTrue,
      since: '1795562510.000000001',
      until: '1795562512',
      tail: '200',
    })
    expect(parameters[3]).toMatchObject({ tail: '1' })
    // An empty time counts as absent.
    expect([parameters[3]?.since ?? '', parameters[3]?.until ?? '']).toEqual(['', ''])
  })

  test('opens no connection before the first request', async () => {
    const { server } = await openWith({})
    expect(server.opened()).toBe(0)
  })

  test('limits concurrent requests', async () => {
    const requests = 200
    const waiting: (() => void)[] = []
    let [arrived, most] = [0, 0]
    // Holds answers back until the limit of requests is reached, or every request has arrived.
    const slow: Answer = (request, response) => {
      arrived += 1
      waiting.push(() => answering(exact.bytes('networks.json'))(request, response))
      most = Math.max(most, waiting.length)
      if (waiting.length === 64 || arrived === requests) for (const answer of waiting.splice(0)) answer()
    }
    const { server, engine } = await openWith({ '/networks': slow })
    await Promise.all(Array.from({ length: requests }, () => engine.networks(running)))
    expect(most).toBe(64)
    expect(server.opened()).toBe(64)
  })
})

describe('openEngine: missing objects', () => {
  const refused = questions.filter(([name]) => / [0-9a-f]{64}$|sha256/.test(name))

  test.each([404, 409])('resolves with undefined for status %s', async (status) => {
    for (const [, path, ask] of refused) {
      const { engine } = await openWith({ [path]: refusing(status, 'No such thing') })
      expect(await ask(engine, running), path).toBeUndefined()
    }
    expect(refused).toHaveLength(4)
  })

  test('rejects when an endpoint of the engine itself is missing', async () => {
    const { engine } = await openWith({ '/networks': refusing(404, 'page not found') })
    await expect(engine.networks(running)).rejects.toThrow('answered 404')
  })

  test('resolves with undefined for the log of a driver that does not support reading', async () => {
    const { engine } = await openWith({})
    expect(await engine.logs(webId, { lines: 5 }, running)).toBeUndefined()
    const { engine: broken } = await openWith({ [`/containers/${webId}/logs`]: refusing(500, 'the disk is broken') })
    await expect(broken.logs(webId, { lines: 5 }, running)).rejects.toThrow('the disk is broken')
  })

  test('returns an empty list for an engine without volumes', async () => {
    const { engine } = await openWith({ '/volumes': answering('{"Volumes":null,"Warnings":null}') })
    expect(await engine.volumes(running)).toEqual([])
  })

  test.each(['{}', '', '[{]', '<html></html>'])(
    'rejects for the answer %j, which has no list of volumes',
    async (body) => {
      const { engine } = await openWith({ '/volumes': answering(body) })
      await expect(engine.volumes(running)).rejects.toThrow('the answer has no list of volumes')
    },
  )
})

describe.each(questions)('openEngine: the request for %s', (what, path, ask) => {
  test('rejects with the message of the engine', async () => {
    const { engine, server } = await openWith({ [path]: refusing(500, 'the disk is full') })
    const failure = await ask(engine, running).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EngineError)
    expect(failure).toMatchObject({
      message: expect.stringContaining(
        `unix://${server.path} answered 500 to the request for ${what}: the disk is full`,
      ),
    })
  })

  test("rejects with the engine's address after the timeout", async () => {
    const { engine, server } = await openWith({ [path]: silent })
    const failure = await ask(engine, AbortSignal.timeout(20)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EngineError)
    expect(failure).toMatchObject({
      message: expect.stringContaining(`unix://${server.path} did not answer the request for ${what} in time`),
    })
    await vi.waitFor(() => expect(server.connections()).toBe(0), 20_000)
  })

  test('rejects with the reason of an abort', async () => {
    const { engine } = await openWith({ [path]: silent })
    const controller = new AbortController()
    const reason = new Error('the agent stops')
    const asking = ask(engine, controller.signal).catch((error: unknown) => error)
    setImmediate(() => controller.abort(reason))
    expect(await asking).toBe(reason)
    expect(await ask(engine, controller.signal).catch((error: unknown) => error)).toBe(reason)
  })

  test('rejects when the engine closes the connection', async () => {
    const { engine } = await openWith({ [path]: (request) => request.socket.destroy() })
    await expect(ask(engine, running)).rejects.toThrow(/closed the connection.*restarted/)
  })

  test('rejects by the timeout when an answer breaks off', async () => {
    const { engine } = await openWith({ [path]: breakingOff })
    await expect(ask(engine, AbortSignal.timeout(50))).rejects.toBeInstanceOf(EngineError)
  })
})

describe('openEngine: malformed answers', () => {
  test.each([
    ['nothing', ''],
    ['an HTML page', '<html>not found</html>'],
    ['a truncated answer', '[{"Id":'],
    ['an object', '{"hello":"world"}'],
  ])('rejects with an explanation: %s', async (_name, body) => {
    const same = answering(body)
    const paths = questions.map(([, path]) => path)
    const { engine } = await openWith(Object.fromEntries(paths.map((path) => [path, same])))
    const listed = questions.filter(([name]) =>
      ['its description', 'its containers', 'its images', 'its networks'].includes(name),
    )
    for (const [what, , ask] of [...listed, ...questions.slice(2, 3)])
      await expect(ask(engine, running), what).rejects.toThrow(EngineError)
  })

  test.each(['{"level": "error"}', '{"id":12345678901234567890}\n', '42', '"text"', '1e400', '[1.10]\r\n'])(
    'returns a log that is valid JSON as it is: %j',
    async (log) => {
      const { engine } = await openWith({ [`/containers/${webId}/logs`]: answering(log, 'text/plain') })
      expect(await engine.logs(webId, { lines: 5 }, running)).toBe(log)
    },
  )

  test('returns an empty log as an empty text', async () => {
    const { engine } = await openWith({ [`/containers/${webId}/logs`]: answering('', 'text/plain') })
    expect(await engine.logs(webId, { lines: 5 }, running)).toBe('')
  })
})

describe('openEngine: event stream', () => {
  test('rejects when the stream breaks, after the received events', async () => {
    const [first = ''] = exact.text('events.jsonl').split('\n')
    const { engine } = await openWith({
      '/events': (_request, response) => {
        response.writeHead(200).write(`${first}\n{"half`, () => response.destroy())
      },
    })
    const received: EngineEvent[] = []
    const listening = async () => {
      for await (const event of engine.events(undefined, running)) received.push(event)
    }
    await expect(listening()).rejects.toThrow(/closed the connection during the request for its events/)
    expect(received).toHaveLength(1)
  })

  test('closes the connection when the reader stops', async () => {
    const { engine, server } = await openWith({})
    for await (const _event of engine.events(undefined, running)) break
    await vi.waitFor(() => expect(server.connections()).toBe(0), 20_000)
  })
})

describe('openEngine: no engine', () => {
  test('rejects when the socket does not exist', async () => {
    const engine = await open({ endpoint: { kind: 'socket', path: join(tmpdir(), 'rca-none/docker.sock') } })
    await expect(engine.info(running)).rejects.toThrow(/No engine at unix:.*does not exist.*`docker_host`/)
  })

  test('rejects when no process listens on the socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-engine-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'docker.sock')
    // A killed engine leaves its socket behind.
    const killed = createServer().listen(join(folder, 'listening.sock'))
    await once(killed, 'listening')
    renameSync(join(folder, 'listening.sock'), path)
    killed.close()
    const engine = await open({ endpoint: { kind: 'socket', path } })
    await expect(engine.info(running)).rejects.toThrow(/No engine answers at unix:.*systemctl start docker/)
    expect(readdirSync(folder)).toEqual(['docker.sock'])
  })

  test('rejects after the engine was stopped', async () => {
    const { engine, server } = await openWith({})
    await engine.info(running)
    await server.close()
    // The first request may still use the old connection.
    await expect(engine.info(running)).rejects.toThrow(EngineError)
    await expect(engine.info(running)).rejects.toThrow(/No engine (at|answers at) unix:/)
  })
})

describe('openEngine: TCP', () => {
  test('connects without TLS', async () => {
    const { port } = await tcpServer((request, response) =>
      answering(exact.bytes(request.url === '/info' ? 'info.json' : 'version.json'))(request, response),
    )
    const engine = await open({ endpoint: { kind: 'tcp', host: '127.0.0.1', port, certificates: undefined } })
    expect(await engine.info(running)).toEqual(exact.info)
  })

  test.each([
    [[], 'ca.pem'],
    [['ca.pem'], 'cert.pem'],
    [['ca.pem', 'cert.pem'], 'key.pem'],
  ])('names the missing file when only %j exist', async (files, missing) => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-certificates-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const file of files) writeFileSync(join(folder, file), '')
    const opening = openEngine({ kind: 'tcp', host: 'engine', port: 2376, certificates: folder })
    await expect(opening).rejects.toThrow(EngineError)
    await expect(opening).rejects.toThrow(`\`docker_cert_path\`: ${join(folder, missing)}`)
  })

  test('rejects an engine without TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-certificates-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const file of ['ca.pem', 'cert.pem', 'key.pem']) writeFileSync(join(folder, file), '')
    const requests: string[] = []
    const { port } = await tcpServer((request) => void requests.push(request.url ?? ''))
    const engine = await open({ endpoint: { kind: 'tcp', host: '127.0.0.1', port, certificates: folder } })
    await expect(engine.info(running)).rejects.toThrow(EngineError)
    expect(requests).toEqual([])
  })
})

test('openEngine closes idle connections, and can be closed twice', async () => {
  const { engine, server } = await openWith({ '/networks': silent })
  await engine.info(running)
  expect(server.connections()).toBe(1)
  const asking = engine.networks(running)
  const failed = expect(asking).rejects.toThrow(EngineError)
  await vi.waitFor(() => expect(server.requests).toContain('/networks'), 20_000)
  engine.close()
  engine.close()
  await failed
  await vi.waitFor(() => expect(server.connections()).toBe(0), 20_000)
})

describe('openEngine: proxy that allows only paths with a version', () => {
  test('uses such paths for every request', async () => {
    const of = captured(exactEngine)
    const refused: string[] = []
    const server = await engineServer(of, {}, (path) => {
      const versioned = /^\/v1\.44(\/.*)$/.exec(path)?.[1]
      if (versioned === undefined) refused.push(path)
      return versioned
    })
    const engine = await openEngine(server.endpoint)
    onTestFinished(() => engine.close())
    expect((await engine.info(running)).id).toBe(of.info.id)
    expect(refused).toEqual(['/info', '/v1.41/info'])
    expect((await engine.containers(running)).length).toBeGreaterThan(3)
    const { id, imageId } = of.container('plain')
    expect((await engine.container(id, running))?.name).toBe('plain')
    expect((await engine.image(imageId, running))?.id).toBe(imageId)
    for await (const event of engine.events(undefined, running)) {
      expect(event.timeNano).toMatch(/^\d+$/)
      break
    }
    expect(refused).toHaveLength(2)
  })

  test('says what to allow when the proxy refuses every path', async () => {
    const server = await engineServer(captured(exactEngine), {}, () => undefined)
    const engine = await openEngine(server.endpoint)
    onTestFinished(() => engine.close())
    await expect(engine.info(running)).rejects.toThrow(/refuses .* \(403\).*allow GET \/info and \/version/)
  })
})
