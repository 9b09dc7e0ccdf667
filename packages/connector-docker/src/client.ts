import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { join } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { inspect } from 'node:util'
import type Docker from 'dockerode'
import type { Endpoint } from './engine/endpoint.ts'
import type { EngineApi, EngineInfo, LogRequest } from './engine/engine-api.ts'
import { EngineError, explainAbort, explainFailure } from './engine/engine-error.ts'
import { readEvents } from './engine/event-stream.ts'
import { demultiplex } from './engine/log-frames.ts'
import { toDiskUsage, toImage, toInfo, toNetwork, toSummary, toVolume } from './engine/translate.ts'
import { toContainer } from './engine/translate-container.ts'

/** Only stats requests, which take a second each, come near the limit. */
const MAX_CONNECTIONS = 64

/** Creates the client. Connects with the first request. */
export async function openEngine(endpoint: Endpoint): Promise<EngineApi> {
  const { default: Dockerode } = await import('dockerode')
  const agent = createAgent(endpoint)
  const options = { ...connectionOptions(endpoint), agent } as Docker.DockerOptions
  let engine = new Dockerode(options)
  const { request, requestIfExists } = createRequests(endpoint)
  return {
    info: async (abortSignal) => {
      const described = await describeEngine(
        engine,
        (version) => new Dockerode({ ...options, version }),
        (opened) => readInfo(opened, request, abortSignal),
      )
      engine = described.engine
      return described.info
    },
    containers: (abortSignal) =>
      request('its containers', abortSignal, async () =>
        listOf(await engine.listContainers({ all: true, abortSignal }), toSummary),
      ),
    container: (id, abortSignal) =>
      requestIfExists(`container ${id}`, abortSignal, async () =>
        toContainer(await engine.getContainer(id).inspect({ abortSignal })),
      ),
    image: (id, abortSignal) =>
      requestIfExists(`image ${id}`, abortSignal, async () => toImage(await inspectImage(engine, id, abortSignal))),
    networks: (abortSignal) =>
      request('its networks', abortSignal, async () => listOf(await engine.listNetworks({ abortSignal }), toNetwork)),
    volumes: (abortSignal) =>
      request('its volumes', abortSignal, async () =>
        volumesOf(await engine.listVolumes({ abortSignal } as object)).map(toVolume),
      ),
    diskUsage: (abortSignal) =>
      request('its disk usage', abortSignal, async () => toDiskUsage(await engine.df({ abortSignal } as never))),
    stats: (id, abortSignal) =>
      requestIfExists(`the stats of ${id}`, abortSignal, async () => {
        // Engines before API 1.41 ignore `one-shot` and wait a second.
        const options = { stream: false as const, 'one-shot': true, abortSignal }
        return (await engine.getContainer(id).stats(options)) as unknown as Readonly<Record<string, unknown>>
      }),
    logs: (id, request, abortSignal) =>
      requestIfExists(`the log of ${id}`, abortSignal, () => readLog(engine, id, { ...request, abortSignal })),
    followLog: (id, lines, take, signal) =>
      request(`the log of ${id}`, signal, async () => {
        const options = { follow: true as const, stdout: true, stderr: true, tail: lines, abortSignal: signal }
        const stream = await engine.getContainer(id).logs(options as Docker.ContainerLogsOptions & { follow: true })
        for await (const chunk of stream) take(chunk as Buffer)
      }),
    events: (since, signal) =>
      readEvents(
        () =>
          request('its events', signal, () =>
            engine.getEvents({ since, abortSignal: signal } as unknown as Docker.GetEventsOptions),
          ),
        (error) => explainFailure(error, endpoint, 'its events'),
        signal,
      ),
    close: () => agent.destroy(),
  }
}

/** API versions to try, by a proxy that refuses paths without one: of Docker 20.10 and Podman, and of Docker 25. */
const API_VERSIONS = ['v1.41', 'v1.44']

/** Returns whether a proxy refused a request: some answer with 404 to paths that they do not know. */
function isRefused(error: unknown): boolean {
  return error instanceof EngineError && [403, 404, 405].includes(error.status ?? 0)
}

/** Describes the engine, by paths with a version if a proxy refuses others. Returns the client to use from then on. */
async function describeEngine(
  engine: Docker,
  open: (version: string) => Docker,
  read: (engine: Docker) => Promise<EngineInfo>,
): Promise<{ readonly engine: Docker; readonly info: EngineInfo }> {
  try {
    return { engine, info: await read(engine) }
  } catch (error) {
    if (!isRefused(error)) throw error
    for (const version of API_VERSIONS) {
      const versioned = open(version)
      const info = await read(versioned).catch(() => undefined)
      if (info !== undefined) return { engine: versioned, info }
    }
    throw error
  }
}

function readInfo(
  engine: Docker,
  request: ReturnType<typeof createRequests>['request'],
  abortSignal: AbortSignal,
): Promise<EngineInfo> {
  return request('its description', abortSignal, async () =>
    // The library accepts options here, which its types lack.
    toInfo(await engine.info({ abortSignal } as never), await engine.version({ abortSignal } as never)),
  )
}

function createRequests(endpoint: Endpoint) {
  type Send<Answer> = () => Promise<Answer>
  const request = async <Answer>(what: string, signal: AbortSignal, send: Send<Answer>): Promise<Answer> => {
    try {
      return await unlessAborted(signal, send())
    } catch (error) {
      throw signal.aborted ? explainAbort(signal, endpoint, what) : explainFailure(error, endpoint, what)
    }
  }
  return {
    request,
    requestIfExists: <Answer>(what: string, signal: AbortSignal, send: Send<Answer>): Promise<Answer | undefined> =>
      request(what, signal, () => ifExists(send)),
  }
}

/** Rejects on abort. The client library would wait forever for the rest of an interrupted answer. */
async function unlessAborted<Answer>(signal: AbortSignal, answer: Promise<Answer>): Promise<Answer> {
  let stop = (): void => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([answer, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** @throws Error for anything but a list: an absent list must not count as an empty one. */
function listOf<Row>(answer: unknown, translate: (row: unknown) => Row): Row[] {
  if (!Array.isArray(answer)) throw new Error('the answer is not a list')
  return answer.map((row) => translate(row))
}

/** @throws Error for an answer without the list, which is `null` on an engine without volumes */
function volumesOf(answer: unknown): readonly unknown[] {
  const { Volumes: volumes } = answer as { readonly Volumes?: unknown }
  if (volumes !== null && !Array.isArray(volumes)) throw new Error('the answer has no list of volumes')
  return volumes ?? []
}

/** Inspects an image. The client library's own method cannot be aborted. */
function inspectImage({ modem }: Docker, id: string, abortSignal: AbortSignal): Promise<unknown> {
  const statusCodes = { 200: true, 404: 'no such image', 500: 'server error' }
  const request = { path: `/images/${id}/json`, method: 'GET', abortSignal, statusCodes }
  return new Promise((resolve, reject) => {
    modem.dial(request, (error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer)))
  })
}

/** Reads a log. Returns `undefined` for log drivers that do not support reading. */
async function readLog(
  engine: Docker,
  id: string,
  { since, until, lines, abortSignal }: LogRequest & { readonly abortSignal: AbortSignal },
): Promise<string | undefined> {
  const options = { follow: false, stdout: true, stderr: true, since, until, tail: lines }
  const statusCodes = { 200: true, 404: 'no such container', 500: 'server error' }
  // As a stream: the client library's own method parses a log that is valid JSON, and changes its numbers.
  const request = { path: `/containers/${id}/logs?`, method: 'GET', isStream: true, options, statusCodes, abortSignal }
  try {
    const answer = await new Promise<Readable>((resolve, reject) => {
      engine.modem.dial(request, (error: unknown, stream: unknown) =>
        error ? reject(error) : resolve(stream as Readable),
      )
    })
    return demultiplex(await buffer(addAbortSignal(abortSignal, answer)))
  } catch (error) {
    if (error instanceof Error && error.message.includes('does not support reading')) return undefined
    throw error
  }
}

/** Returns `undefined` for an object that does not exist (404) or is being removed (409). */
async function ifExists<Answer>(send: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await send()
  } catch (error) {
    const { statusCode } = error as { statusCode?: number }
    if (statusCode === 404 || statusCode === 409) return undefined
    throw error
  }
}

function createAgent(endpoint: Endpoint): HttpAgent {
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: 2 }
  const isSecure = endpoint.kind === 'tcp' && endpoint.certificates !== undefined
  const agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options)
  // docker-modem formats the options of every request for its debug log, to any depth, even when the log is off.
  // With an agent that prints all of its sockets, that costs 15 ms of CPU per request.
  return Object.defineProperty(agent, inspect.custom, { value: () => 'Agent' })
}

function connectionOptions(endpoint: Endpoint): Docker.DockerOptions {
  if (endpoint.kind === 'socket') return { socketPath: endpoint.path }
  const { host, port, certificates } = endpoint
  if (certificates === undefined) return { host, port, protocol: 'http' }
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(certificates, name))
    } catch (error) {
      throw new EngineError(
        `\`docker_cert_path\`: ${join(certificates, name)} cannot be read (${(error as NodeJS.ErrnoException).code}). TLS to the engine requires ca.pem, cert.pem and key.pem in that folder`,
        { cause: error },
      )
    }
  }
  return { host, port, protocol: 'https', ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
}
