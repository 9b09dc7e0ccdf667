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

/** Every question that is answered once. */
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

describe.each(engineNames)('%s over its socket', (name) => {
  const of = captured(name)

  test('answers every question', async () => {
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
    // Many questions one after the other go over one connection.
    expect(server.opened()).toBe(1)
  })

  test('tells its events until it is aborted, and is then hung up on', async () => {
    const { server, engine } = await openWith({}, of)
    const controller = new AbortController()
    const told: EngineEvent[] = []
    const all = of.events()
    for await (const event of engine.events('1795562510.163209447', controller.signal)) {
      told.push(event)
      if (told.length === all.length) controller.abort()
    }
    expect(told).toEqual(all)
    expect(server.asked).toEqual(['/events?since=1795562510.163209447'])
    await vi.waitFor(() => expect(server.connections()).toBe(0))
  })
})

describe('what the engine is asked', () => {
  test('containers in every state; stats without the second that a rate takes; the log of one run', async () => {
    const { server, engine } = await openWith({})
    await engine.containers(running)
    await engine.stats(webId, running)
    const crashed = exact.container('crashed').id
    await engine.logs(crashed, { since: '1795562510.000000001', until: '1795562512', lines: 200 }, running)
    await engine.logs(crashed, { lines: 1 }, running)
    const asked = server.asked.map((address) => new URL(address, 'http://engine'))
    expect(asked.map(({ pathname }) => pathname)).toEqual([
      '/containers/json',
      `/containers/${webId}/stats`,
      `/containers/${crashed}/logs`,
      `/containers/${crashed}/logs`,
    ])
    const parameters = asked.map(({ searchParams }) => Object.fromEntries(searchParams))
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
    // An empty time is none.
    expect([parameters[3]?.since ?? '', parameters[3]?.until ?? '']).toEqual(['', ''])
  })

  test('nothing, before it is asked', async () => {
    const { server } = await openWith({})
    expect(server.opened()).toBe(0)
  })

  test('no more at once than there are connections for', async () => {
    const requests = 200
    const waiting: (() => void)[] = []
    let [arrived, most] = [0, 0]
    // Answers are held back until as many requests wait as can, or all have come.
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

describe('what is not there', () => {
  const refused = questions.filter(([name]) => / [0-9a-f]{64}$|sha256/.test(name))

  test.each([404, 409])('answered with %s is undefined', async (status) => {
    for (const [, path, ask] of refused) {
      const { engine } = await openWith({ [path]: refusing(status, 'No such thing') })
      expect(await ask(engine, running), path).toBeUndefined()
    }
    expect(refused).toHaveLength(4)
  })

  test('what belongs to the engine itself is never absent', async () => {
    const { engine } = await openWith({ '/networks': refusing(404, 'page not found') })
    await expect(engine.networks(running)).rejects.toThrow('answered 404')
  })

  test('the log of a driver that cannot be read is undefined', async () => {
    const { engine } = await openWith({})
    expect(await engine.logs(webId, { lines: 5 }, running)).toBeUndefined()
    const { engine: broken } = await openWith({ [`/containers/${webId}/logs`]: refusing(500, 'the disk is broken') })
    await expect(broken.logs(webId, { lines: 5 }, running)).rejects.toThrow('the disk is broken')
  })

  test('an engine without volumes has none', async () => {
    for (const body of ['{"Volumes":null,"Warnings":null}', '{}']) {
      const { engine } = await openWith({ '/volumes': answering(body) })
      expect(await engine.volumes(running)).toEqual([])
    }
  })
})

describe.each(questions)('asked for %s', (what, path, ask) => {
  test('an engine that refuses is quoted', async () => {
    const { engine, server } = await openWith({ [path]: refusing(500, 'the disk is full') })
    const failure = await ask(engine, running).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EngineError)
    expect(failure).toMatchObject({
      message: expect.stringContaining(
        `unix://${server.path} answered 500 to the request for ${what}: the disk is full`,
      ),
    })
  })

  test('an engine that hangs is given up at the deadline, with its name', async () => {
    const { engine, server } = await openWith({ [path]: silent })
    const failure = await ask(engine, AbortSignal.timeout(20)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EngineError)
    expect(failure).toMatchObject({
      message: expect.stringContaining(`unix://${server.path} did not answer the request for ${what} in time`),
    })
    await vi.waitFor(() => expect(server.connections()).toBe(0))
  })

  test('a stop is no fault of the engine', async () => {
    const { engine } = await openWith({ [path]: silent })
    const controller = new AbortController()
    const reason = new Error('the agent stops')
    const asking = ask(engine, controller.signal).catch((error: unknown) => error)
    setImmediate(() => controller.abort(reason))
    expect(await asking).toBe(reason)
    expect(await ask(engine, controller.signal).catch((error: unknown) => error)).toBe(reason)
  })

  test('an engine that closes the connection is restarted', async () => {
    const { engine } = await openWith({ [path]: (request) => request.socket.destroy() })
    await expect(ask(engine, running)).rejects.toThrow(/closed the connection.*restarted/)
  })

  test('an answer that breaks off ends no later than the deadline', async () => {
    const { engine } = await openWith({ [path]: breakingOff })
    await expect(ask(engine, AbortSignal.timeout(50))).rejects.toBeInstanceOf(EngineError)
  })
})

describe('an answer that is none', () => {
  test.each([
    ['nothing', ''],
    ['a page', '<html>not found</html>'],
    ['half an answer', '[{"Id":'],
    ['something else', '{"hello":"world"}'],
  ])('%s is explained', async (_name, body) => {
    const same = answering(body)
    const paths = questions.map(([, path]) => path)
    const { engine } = await openWith(Object.fromEntries(paths.map((path) => [path, same])))
    const listed = questions.filter(([name]) =>
      ['its description', 'its containers', 'its images', 'its networks'].includes(name),
    )
    for (const [what, , ask] of [...listed, ...questions.slice(2, 3)])
      await expect(ask(engine, running), what).rejects.toThrow(EngineError)
  })

  test('a log that looks like JSON is text', async () => {
    const { engine } = await openWith({ [`/containers/${webId}/logs`]: answering('{"level":"error"}', 'text/plain') })
    expect(await engine.logs(webId, { lines: 5 }, running)).toBe('{"level":"error"}')
  })

  test('a log without a word is empty', async () => {
    const { engine } = await openWith({ [`/containers/${webId}/logs`]: answering('', 'text/plain') })
    expect(await engine.logs(webId, { lines: 5 }, running)).toBe('')
  })
})

describe('an event stream', () => {
  test('that breaks rejects, after what it told', async () => {
    const [first = ''] = exact.text('events.jsonl').split('\n')
    const { engine } = await openWith({
      '/events': (_request, response) => {
        response.writeHead(200).write(`${first}\n{"half`, () => response.destroy())
      },
    })
    const told: EngineEvent[] = []
    const listening = async () => {
      for await (const event of engine.events(undefined, running)) told.push(event)
    }
    await expect(listening()).rejects.toThrow(/closed the connection during the request for its events/)
    expect(told).toHaveLength(1)
  })

  test('that nobody reads on is hung up', async () => {
    const { engine, server } = await openWith({})
    for await (const _event of engine.events(undefined, running)) break
    await vi.waitFor(() => expect(server.connections()).toBe(0))
  })
})

describe('no engine', () => {
  test('where there is no socket', async () => {
    const engine = await open({ endpoint: { kind: 'socket', path: join(tmpdir(), 'rca-none/docker.sock') } })
    await expect(engine.info(running)).rejects.toThrow(/No engine at unix:.*does not exist.*`docker_host`/)
  })

  test('where nobody listens at the socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-engine-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'docker.sock')
    // An engine that was killed leaves its socket behind.
    const killed = createServer().listen(join(folder, 'listening.sock'))
    await once(killed, 'listening')
    renameSync(join(folder, 'listening.sock'), path)
    killed.close()
    const engine = await open({ endpoint: { kind: 'socket', path } })
    await expect(engine.info(running)).rejects.toThrow(/No engine answers at unix:.*systemctl start docker/)
    expect(readdirSync(folder)).toEqual(['docker.sock'])
  })

  test('where it was stopped meanwhile', async () => {
    const { engine, server } = await openWith({})
    await engine.info(running)
    await server.close()
    // The first question may still find the old connection.
    await expect(engine.info(running)).rejects.toThrow(EngineError)
    await expect(engine.info(running)).rejects.toThrow(/No engine (at|answers at) unix:/)
  })
})

describe('over TCP', () => {
  test('an engine is spoken to without TLS', async () => {
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
  ])('with %j alone there is no TLS, and what is missing is named', async (files, missing) => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-certificates-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const file of files) writeFileSync(join(folder, file), '')
    const opening = openEngine({ kind: 'tcp', host: 'engine', port: 2376, certificates: folder })
    await expect(opening).rejects.toThrow(EngineError)
    await expect(opening).rejects.toThrow(`\`docker_cert_path\`: ${join(folder, missing)}`)
  })

  test('an engine that speaks no TLS is not spoken to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-certificates-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const file of ['ca.pem', 'cert.pem', 'key.pem']) writeFileSync(join(folder, file), '')
    const asked: string[] = []
    const { port } = await tcpServer((request) => void asked.push(request.url ?? ''))
    const engine = await open({ endpoint: { kind: 'tcp', host: '127.0.0.1', port, certificates: folder } })
    await expect(engine.info(running)).rejects.toThrow(EngineError)
    expect(asked).toEqual([])
  })
})

test('closing hangs up, also twice', async () => {
  const { engine, server } = await openWith({ '/networks': silent })
  await engine.info(running)
  expect(server.connections()).toBe(1)
  const asking = engine.networks(running)
  const failed = expect(asking).rejects.toThrow(EngineError)
  await vi.waitFor(() => expect(server.asked).toContain('/networks'))
  engine.close()
  engine.close()
  await failed
  await vi.waitFor(() => expect(server.connections()).toBe(0))
})
