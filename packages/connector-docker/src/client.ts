import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type Docker from 'dockerode'
import type { Endpoint } from './engine/endpoint.ts'
import type { EngineApi, LogRequest } from './engine/engine-api.ts'
import { EngineError } from './engine/engine-error.ts'
import { readEvents } from './engine/event-stream.ts'
import { explainAbort, explainFailure } from './engine/explain-failure.ts'
import { demultiplex } from './engine/log-frames.ts'
import { toDiskUsage, toImage, toInfo, toNetwork, toSummary, toVolume } from './engine/translate.ts'
import { toContainer } from './engine/translate-container.ts'

/** Most requests that are under way at once. More than a few are only those for stats, of which each takes a second. */
const CONNECTIONS = 64

/** Opens nothing yet: the engine is first spoken to when something is asked. */
export async function openEngine(endpoint: Endpoint): Promise<EngineApi> {
  const { default: Dockerode } = await import('dockerode')
  const agent = createAgent(endpoint)
  const engine = new Dockerode({ ...connectionOptions(endpoint), agent } as Docker.DockerOptions)
  const { ask, askIfThere } = createAsking(endpoint)
  return {
    info: (abortSignal) =>
      ask('its description', abortSignal, async () =>
        // The types know no options here, the library does.
        toInfo(await engine.info({ abortSignal } as never), await engine.version({ abortSignal } as never)),
      ),
    containers: (abortSignal) =>
      ask('its containers', abortSignal, async () =>
        listOf(await engine.listContainers({ all: true, abortSignal }), toSummary),
      ),
    container: (id, abortSignal) =>
      askIfThere(`container ${id}`, abortSignal, async () =>
        toContainer(await engine.getContainer(id).inspect({ abortSignal })),
      ),
    image: (id, abortSignal) =>
      askIfThere(`image ${id}`, abortSignal, async () => toImage(await inspectImage(engine, id, abortSignal))),
    networks: (abortSignal) =>
      ask('its networks', abortSignal, async () => listOf(await engine.listNetworks({ abortSignal }), toNetwork)),
    volumes: (abortSignal) =>
      ask('its volumes', abortSignal, async () =>
        ((await engine.listVolumes({ abortSignal } as object)).Volumes ?? []).map(toVolume),
      ),
    diskUsage: (abortSignal) =>
      ask('its disk usage', abortSignal, async () => toDiskUsage(await engine.df({ abortSignal } as never))),
    stats: (id, abortSignal) =>
      askIfThere(`the stats of ${id}`, abortSignal, async () => {
        // Engines before API 1.41 ignore `one-shot` and wait a second.
        const options = { stream: false as const, 'one-shot': true, abortSignal }
        return (await engine.getContainer(id).stats(options)) as unknown as Readonly<Record<string, unknown>>
      }),
    logs: (id, request, abortSignal) =>
      askIfThere(`the log of ${id}`, abortSignal, () => readLog(engine, id, { ...request, abortSignal })),
    events: (since, signal) =>
      readEvents(
        () =>
          ask('its events', signal, () =>
            engine.getEvents({ since, abortSignal: signal } as unknown as Docker.GetEventsOptions),
          ),
        (error) => explainFailure(error, endpoint, 'its events'),
        signal,
      ),
    close: () => agent.destroy(),
  }
}

/** Asks the engine, and explains why it does not answer. */
function createAsking(endpoint: Endpoint) {
  type Question<Answer> = () => Promise<Answer>
  const ask = async <Answer>(what: string, signal: AbortSignal, question: Question<Answer>): Promise<Answer> => {
    try {
      return await unlessAborted(signal, question())
    } catch (error) {
      throw signal.aborted ? explainAbort(signal, endpoint, what) : explainFailure(error, endpoint, what)
    }
  }
  return {
    ask,
    askIfThere: <Answer>(what: string, signal: AbortSignal, question: Question<Answer>): Promise<Answer | undefined> =>
      ask(what, signal, () => ifThere(question)),
  }
}

/** The client library waits for ever for the rest of an answer that breaks off, whatever is aborted. */
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

/** @throws Error when it is none: nothing is not taken for an empty list. */
function listOf<Row>(answer: unknown, translate: (row: unknown) => Row): Row[] {
  if (!Array.isArray(answer)) throw new Error('the answer is no list')
  return answer.map((row) => translate(row))
}

/** The client library's own question for an image cannot be aborted. */
function inspectImage({ modem }: Docker, id: string, abortSignal: AbortSignal): Promise<unknown> {
  const statusCodes = { 200: true, 404: 'no such image', 500: 'server error' }
  const question = { path: `/images/${id}/json`, method: 'GET', abortSignal, statusCodes }
  return new Promise((resolve, reject) => {
    modem.dial(question, (error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer)))
  })
}

/** Some log drivers cannot be read, which is no fault of the container. */
async function readLog(
  engine: Docker,
  id: string,
  { since, until, lines, abortSignal }: LogRequest & { readonly abortSignal: AbortSignal },
): Promise<string | undefined> {
  const options = { follow: false as const, stdout: true, stderr: true, since, until, tail: lines, abortSignal }
  try {
    const request = options as unknown as Docker.ContainerLogsOptions & { follow: false }
    return demultiplex(await engine.getContainer(id).logs(request))
  } catch (error) {
    if (error instanceof Error && error.message.includes('does not support reading')) return undefined
    throw error
  }
}

/** What is asked for, `undefined` where it is gone (404) or is being removed (409). */
async function ifThere<Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await question()
  } catch (error) {
    const { statusCode } = error as { statusCode?: number }
    if (statusCode === 404 || statusCode === 409) return undefined
    throw error
  }
}

function createAgent(endpoint: Endpoint): HttpAgent {
  const options = { keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: 2 }
  const isSecure = endpoint.kind === 'tcp' && endpoint.certificates !== undefined
  const agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options)
  // docker-modem writes out the options of every request for its debug log, to any depth, whether or not anybody reads it:
  // 15 ms of CPU each with an agent that describes all of its sockets.
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
        `\`docker_cert_path\`: ${join(certificates, name)} cannot be read (${(error as NodeJS.ErrnoException).code}). TLS to the engine needs ca.pem, cert.pem and key.pem there`,
        { cause: error },
      )
    }
  }
  return { host, port, protocol: 'https', ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
}
