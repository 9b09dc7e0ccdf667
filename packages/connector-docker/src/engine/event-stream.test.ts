import { PassThrough, Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { captured, engineNames } from '../../test/fixtures.ts'
import type { EngineEvent } from './engine-api.ts'
import { type PodmanEvent, readEvents, toDockerEvent, toEvent } from './event-stream.ts'

const running = new AbortController().signal

function line(action: string, timeNano = '1795562510163209447'): string {
  return `{"Type":"container","Action":"${action}","Actor":{"ID":"a","Attributes":{"name":"web"}},"timeNano":${timeNano}}\n`
}

/** Reads until the stream ends. Returns the received events and the failure. */
async function readAll(stream: NodeJS.ReadableStream, signal: AbortSignal = running) {
  const received: EngineEvent[] = []
  const explain = (error: unknown): Error => new Error('explained', { cause: error })
  try {
    for await (const event of readEvents(async () => stream, explain, signal)) received.push(event)
    return { received, failure: undefined }
  } catch (error) {
    return { received, failure: error }
  }
}

describe.each(engineNames)('readEvents of %s', (name) => {
  test('parses every line, whatever the chunk boundaries', async () => {
    const of = captured(name)
    // Podman does not report which network a container left.
    const saysAll = (line: string): boolean => !/"network".*"disconnect"/.test(line) || /"container":/.test(line)
    const lines = of.text('events.jsonl').trim().split('\n').filter(saysAll)
    const pieces = of.text('events.jsonl').match(/.{1,97}/gs) ?? []
    const { received } = await readAll(Readable.from(pieces.map((piece) => Buffer.from(piece))))
    expect(received).toHaveLength(lines.length)
    expect(received).toEqual(of.events())
    for (const { type, action, actor } of received) expect([type, action, actor]).not.toContain('')
    // More digits than a number can hold.
    expect(received.every(({ timeNano }, index) => lines[index]?.includes(`"timeNano":${timeNano}`))).toBe(true)
    expect(received.some(({ timeNano }) => String(Number(timeNano)) !== timeNano)).toBe(true)
    const exits = received.filter(({ action }) => action === 'die' || action === 'died')
    expect(exits.length).toBeGreaterThan(0)
    expect(exits.every(({ attributes }) => attributes.name !== undefined)).toBe(true)
  })
})

describe('readEvents', () => {
  test('decodes characters that span two chunks', async () => {
    const bytes = Buffer.from(line('ä'))
    const at = bytes.indexOf('ä') + 1
    const { received } = await readAll(Readable.from([bytes.subarray(0, at), bytes.subarray(at)]))
    expect(received).toMatchObject([{ action: 'ä' }])
  })

  test('rejects at the end of the stream', async () => {
    const { received, failure } = await readAll(Readable.from([Buffer.from(line('die')), Buffer.from('{"half')]))
    expect(received).toHaveLength(1)
    expect(failure).toMatchObject({ message: 'explained', cause: { code: 'ECONNRESET' } })
  })

  test('explains a failure, after the received events', async () => {
    const stream = new PassThrough()
    stream.write(line('die'))
    const reading = readAll(stream)
    await new Promise((resolve) => setImmediate(resolve))
    stream.destroy(new Error('reset'))
    expect(await reading).toMatchObject({ received: [{ action: 'die' }], failure: { cause: { message: 'reset' } } })
  })

  test('rejects when the stream cannot be opened', async () => {
    const events = readEvents(
      async () => {
        throw new Error('refused')
      },
      () => new Error('explained'),
      running,
    )
    await expect(events[Symbol.asyncIterator]().next()).rejects.toThrow('refused')
  })

  test('ends and closes the stream on abort', async () => {
    const stream = new PassThrough()
    const controller = new AbortController()
    const received: EngineEvent[] = []
    stream.write(line('die'))
    for await (const event of readEvents(
      async () => stream,
      (error) => error as Error,
      controller.signal,
    )) {
      received.push(event)
      controller.abort()
    }
    expect(received).toHaveLength(1)
    expect(stream.destroyed).toBe(true)

    const late = new PassThrough()
    expect(await readAll(late, AbortSignal.abort())).toEqual({ received: [], failure: undefined })
    expect(late.destroyed).toBe(true)
  })

  test('closes the stream when the reader stops', async () => {
    const stream = new PassThrough()
    stream.write(line('die') + line('start'))
    for await (const _event of readEvents(
      async () => stream,
      (error) => error as Error,
      running,
    ))
      break
    expect(stream.destroyed).toBe(true)
  })

  test('reads a message of more than 1 MiB without its attributes, and those after it', async () => {
    const labels = Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`l${index}`, 'x'.repeat(50_000)]))
    const large = {
      status: 'create',
      id: 'b',
      from: 'web',
      Type: 'container',
      Action: 'create',
      Actor: { ID: 'b', Attributes: { image: 'web', ...labels, name: 'large', trap: '"timeNano":7,' } },
      scope: 'local',
      time: 5,
      timeNano: 1234,
    }
    const text = `${line('die')}${JSON.stringify(large)}\n${line('start')}`
    for (const size of [1_000, 65_536, 10_000_000]) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        Buffer.from(text.slice(index * size, (index + 1) * size)),
      )
      const { received } = await readAll(Readable.from(chunks))
      expect(received.map(({ action, actor }) => `${action} ${actor}`)).toEqual(['die a', 'create b', 'start a'])
      expect(received[1]).toEqual({
        type: 'container',
        action: 'create',
        actor: 'b',
        attributes: {},
        timeNano: '1234',
        isCut: true,
      })
    }
  })

  test('rejects a message that exceeds 64 MiB', async () => {
    const endless = Readable.from(
      (function* () {
        yield Buffer.from(line('die'))
        for (;;) yield Buffer.alloc(65_536, 'x')
      })(),
    )
    const { received, failure } = await readAll(endless)
    expect(received).toHaveLength(1)
    expect(failure).toMatchObject({ cause: { message: expect.stringContaining('exceeds 64 MiB') } })
    expect(endless.destroyed).toBe(true)
  })
})

describe('toEvent', () => {
  test('keeps all digits of the time, and does not read it from an attribute', () => {
    const trap = String.raw`{"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"label":"\"timeNano\":1","timeNano":"2"}},"time":5,"timeNano": 1795562510163209447}`
    expect(toEvent(trap)).toEqual({
      type: 'container',
      action: 'die',
      actor: 'a',
      attributes: { label: '"timeNano":1', timeNano: '2' },
      timeNano: '1795562510163209447',
    })
  })

  test.each([
    ['no attributes', '{"Type":"network","Action":"create","Actor":{"ID":"n"},"timeNano":1}', 'n', {}],
    ['null for attributes', '{"Type":"x","Action":"y","Actor":{"ID":"n","Attributes":null},"timeNano":1}', 'n', {}],
    [
      'an attribute that is not a string',
      '{"Type":"x","Action":"y","Actor":{"ID":"n","Attributes":{"name":"web","exitCode":null}},"timeNano":1}',
      'n',
      { name: 'web' },
    ],
    [
      "a name instead of an actor, like Podman's volumes",
      '{"Type":"volume","Action":"create","Actor":{"ID":"","Attributes":{"name":"data"}},"timeNano":1}',
      'data',
      { name: 'data' },
    ],
    ['no actor', '{"Type":"daemon","Action":"reload","timeNano":1}', '', {}],
    ['null for an actor', '{"Type":"daemon","Action":"reload","Actor":null,"timeNano":1}', '', {}],
  ])('parses a line with %s', (_name, text, actor, attributes) => {
    expect(toEvent(text)).toMatchObject({ actor, attributes, timeNano: '1' })
  })

  test.each([
    ['', 'nothing'],
    ['not JSON "timeNano":1', 'no JSON'],
    ['{"Type":"container","Action":"die"}', 'no time'],
    ['{"Action":"die","timeNano":1}', 'no type'],
    ['{"Type":7,"Action":"die","timeNano":1}', 'no type that is text'],
    ['[{"timeNano":1}]', 'a list'],
    ['{"message":"the engine is unwell"}', 'an error'],
  ])('rejects %s: %s', (text) => {
    expect(toEvent(text)).toBeUndefined()
  })
})

describe('toDockerEvent', () => {
  const event: PodmanEvent = {
    type: 'container',
    action: 'start',
    actor: 'a',
    attributes: { name: 'web' },
    timeNano: '1',
    healthStatus: undefined,
  }

  test("leaves Docker's events unchanged", () => {
    const { healthStatus: _none, ...docker } = event
    expect(toDockerEvent(event)).toEqual(docker)
  })

  test.each<[string, Partial<PodmanEvent>, object]>([
    ['a removal', { action: 'remove' }, { action: 'destroy' }],
    ['a health status', { action: 'health_status', healthStatus: 'unhealthy' }, { action: 'health_status: unhealthy' }],
    ['the end of a run', { action: 'die', attributes: { containerExitCode: '3' } }, { attributes: { exitCode: '3' } }],
    ['a volume', { type: 'volume', actor: '', attributes: { name: 'data' } }, { actor: 'data' }],
    ['a network', { type: 'network', attributes: { name: '', network: 'shop' } }, { attributes: { name: 'shop' } }],
  ])('translates %s', (_what, podman, docker) => {
    expect(toDockerEvent({ ...event, ...podman })).toMatchObject(docker)
  })

  test('drops a connection to an unnamed network', () => {
    expect(toDockerEvent({ ...event, type: 'network', action: 'disconnect' })).toBeUndefined()
    const docker = { type: 'network', action: 'disconnect', attributes: { container: 'a', name: 'shop' } }
    expect(toDockerEvent({ ...event, ...docker })).toMatchObject(docker)
  })
})
