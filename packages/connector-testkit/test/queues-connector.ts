import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { command, defineConnector, entity, event, metric, openCursor, settings } from '@rca/core/connector'
import { z } from 'zod'
import { type FakeServer, type Fault, fakeServer, type Scenario, type ScenarioSystem } from '../src/index.ts'

/** A connector that passes every check, and the scenario in which it does. Broken ones are made of it. */
export const signals = {
  broker: entity({ type: 'acme.broker', description: 'A broker.' }),
  region: entity({ type: 'acme.region', description: 'A region.', relations: { part_of: 'Its broker.' } }),
  queue: entity({ type: 'acme.queue', description: 'A queue.', relations: { part_of: 'Its region.' } }),
  messages: metric({
    name: 'acme.queue.messages',
    unit: '{message}',
    kind: 'updowncounter',
    description: 'Waiting messages.',
    attributes: { 'acme.queue.durable': 'Whether messages outlive a restart.' },
  }),
  delivered: metric({
    name: 'acme.queue.delivered',
    unit: '{message}',
    kind: 'counter',
    description: 'Messages that consumers have received.',
  }),
  full: event({ name: 'acme.queue.full', severity: 'error', description: 'A queue refuses messages.' }),
}

export const configSchema = z.object({
  broker_url: z.url({ protocol: /^https?$/ }).describe('Address of the broker.'),
  api_token: z.string().meta({ writeOnly: true }).default('').describe('Token of the broker, if it requires one.'),
  page_size: z.int().min(1).max(1000).default(100).describe('Queues of one request.'),
})

export type Config = z.output<typeof configSchema>

interface Queue {
  readonly name: string
  readonly messages: number
  readonly delivered: number
}

interface Page {
  readonly queues: readonly Queue[]
  /** Token of the next page. */
  readonly next?: string | undefined
}

/** The client of the broker. */
export interface Broker {
  readonly id: string
  readonly regions: readonly string[]
  /** Reads a page of queues, the first one without a token. */
  page(region: string, token: string | undefined, signal: AbortSignal): Promise<Page>
  queues(region: string, signal: AbortSignal): Promise<readonly Queue[]>
  /** Returns true if the agent leads: the first one that asks does, until it resigns. */
  lead(agent: string, signal: AbortSignal): Promise<boolean>
  resign(agent: string): Promise<void>
  alerts(after: number, signal: AbortSignal): AsyncIterable<Alert>
}

export interface Alert {
  readonly number: number
  readonly queue: string
  readonly at: string
}

const brokerSchema = z.object({ broker: z.string(), regions: z.array(z.string()) })
const queuesSchema = z.object({
  queues: z.array(z.object({ name: z.string(), messages: z.int(), delivered: z.int() })),
  next: z.string().optional(),
})

/** Opens a client. */
export async function openBroker({ broker_url: url, api_token: token }: Config, signal: AbortSignal): Promise<Broker> {
  const read = async (path: string, own: AbortSignal): Promise<unknown> => {
    const response = await send(new URL(path, url), token, own)
    const body = await response.text()
    if (response.status !== 200) throw new Error(`The broker at ${url} answered ${response.status} to GET ${path}`)
    return JSON.parse(body)
  }
  const { broker, regions } = brokerSchema.parse(await read('/broker', signal))
  const page: Broker['page'] = async (region, token, own) =>
    queuesSchema.parse(await read(`/queues?region=${region}${token === undefined ? '' : `&page=${token}`}`, own))
  return {
    id: broker,
    regions,
    page,
    queues: async (region, own) => {
      const found: Queue[] = []
      for (let token: string | undefined; ; ) {
        const { queues, next } = await page(region, token, own)
        found.push(...queues)
        if (next === undefined) return found
        if (next === token) throw new Error(`The broker at ${url} repeats page ${next} of region ${region}`)
        token = next
      }
    },
    lead: async (agent, own) => {
      const response = await send(new URL(`/leader?agent=${agent}`, url), token, own, 'PUT')
      return (await response.text()) === agent
    },
    resign: async (agent) => {
      const response = await send(new URL(`/leader?agent=${agent}`, url), token, AbortSignal.timeout(5_000), 'DELETE')
      await response.text()
    },
    alerts: async function* (after, own) {
      const response = await send(new URL(`/alerts?after=${after}`, url), token, own)
      for await (const line of response.lines()) if (line !== '') yield JSON.parse(line) as Alert
    },
  }
}

/** Sends a request on a connection of its own, which ends with the answer. */
function send(url: URL, token: string, signal: AbortSignal, method = 'GET') {
  return new Promise<{ status: number; text(): Promise<string>; lines(): AsyncIterable<string> }>((resolve, reject) => {
    const request = httpRequest(url, { method, agent: false, signal, headers: { authorization: `Bearer ${token}` } })
    request.on('error', (error) => reject(new Error(`The broker at ${url.host} does not answer: ${error.message}`)))
    request.on('response', (response) => {
      response.setEncoding('utf8')
      resolve({
        status: response.statusCode ?? 0,
        text: async () => {
          let text = ''
          for await (const chunk of response) text += chunk
          return text
        },
        lines: async function* () {
          let rest = ''
          for await (const chunk of response) {
            const lines = `${rest}${chunk}`.split('\n')
            rest = lines.pop() ?? ''
            yield* lines
          }
        },
      })
    })
    request.end()
  })
}

/** Collects the queues of each region; a region that cannot be read is a gap. */
export async function collectQueues(broker: Broker, signal: AbortSignal) {
  const parts = await Promise.all(
    broker.regions.map(async (region) => {
      const target = signals.region.reference(region)
      try {
        const queues = await broker.queues(region, signal)
        const relations = [{ type: 'part_of' as const, target }]
        return {
          entities: queues.map(({ name }) => signals.queue.entity({ id: `${region}/${name}`, name, relations })),
          metrics: queues.flatMap(({ name, messages, delivered }) => {
            const queue = signals.queue.reference(`${region}/${name}`)
            return [
              signals.messages.point(messages, queue, { 'acme.queue.durable': true }),
              signals.delivered.point(delivered, queue),
            ]
          }),
        }
      } catch (error) {
        return { gaps: [{ scope: `region:${region}`, reason: (error as Error).message }], unread: [target] }
      }
    }),
  )
  return {
    entities: parts.flatMap(({ entities = [] }) => entities),
    metrics: parts.flatMap(({ metrics = [] }) => metrics),
    gaps: parts.flatMap(({ gaps = [] }) => gaps),
    unread: parts.flatMap(({ unread = [] }) => unread),
  }
}

/** The good connector. */
export const queues = defineConnector<typeof configSchema, Broker>({
  type: 'acme/queues',
  title: 'Acme queues',
  description: 'Watch the queues of an Acme broker',
  config: configSchema,
  signals,
  deploy: (target) => ({
    prerequisites: ['rca-agent is installed on a machine that reaches the broker'],
    command: command('env', ...settings.environmentVariables(target), 'rca-agent'),
    verify: command('curl', '-fsS', 'http://127.0.0.1:8687/healthz'),
    uninstall: command('pkill', 'rca-agent'),
  }),
  connect: ({ config: options, signal }) => openBroker(options, signal),
  identify: async ({ id }) => ({ id, name: id, entity: signals.broker.reference(id) }),
  disconnect: async () => undefined,
  election: {
    run: async (broker, { signal, instanceId, sleep, promote, demote }) => {
      try {
        while (!signal.aborted) {
          if (await broker.lead(instanceId, signal)) promote()
          else demote()
          await sleep('2s')
        }
      } catch (error) {
        if (!signal.aborted) throw error
      } finally {
        await broker.resign(instanceId)
      }
    },
  },
  collectors: {
    broker: {
      collect: async ({ id, regions }) => ({
        entities: [
          signals.broker.entity({ id }),
          ...regions.map((region) =>
            signals.region.entity({
              id: region,
              relations: [{ type: 'part_of' as const, target: signals.broker.reference(id) }],
            }),
          ),
        ],
      }),
    },
    queues: { collect: (broker, { signal }) => collectQueues(broker, signal) },
  },
  watchers: {
    alerts: {
      watch: async (broker, context) => {
        const { before, save } = openCursor(z.int(), context)
        for await (const { number, queue, at } of broker.alerts(before ?? 0, context.signal)) {
          const subject = signals.queue.reference(queue)
          context.emit({
            events: [
              signals.full.event({ id: `${number}`, at: new Date(at), entity: subject, body: `${queue} is full.` }),
            ],
          })
          await save(number)
        }
        throw new Error('The stream of alerts ended')
      },
    },
  },
})

/** A broker with two regions, which reports an alert. */
export async function startBroker(): Promise<ScenarioSystem & { readonly server: FakeServer }> {
  const queue = (name: string) => ({ name, messages: 3, delivered: 100 })
  const alerts: Alert[] = []
  const listeners = new Set<ServerResponse>()
  let leader: string | undefined
  const agentOf = ({ url = '' }: IncomingMessage): string =>
    new URL(url, 'http://broker').searchParams.get('agent') ?? ''
  const write = (response: ServerResponse, alert: Alert): void => void response.write(`${JSON.stringify(alert)}\n`)
  const server = await fakeServer({
    'GET /broker': { broker: 'broker-1', regions: ['eu', 'us'] },
    'GET /queues?region=eu': { queues: [queue('mails'), queue('invoices')] },
    'GET /queues?region=eu&page=2': {},
    'GET /queues?region=us': { queues: [queue('mails')] },
    'PUT /leader': (request: IncomingMessage, response: ServerResponse) => {
      leader ??= agentOf(request)
      response.writeHead(200).end(leader)
    },
    'DELETE /leader': (request: IncomingMessage, response: ServerResponse) => {
      if (leader === agentOf(request)) leader = undefined
      response.writeHead(200).end()
    },
    'GET /alerts': (request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200).flushHeaders()
      const after = Number(new URL(request.url ?? '', 'http://broker').searchParams.get('after'))
      for (const alert of alerts) if (alert.number > after) write(response, alert)
      listeners.add(response)
      response.on('close', () => listeners.delete(response))
    },
  })
  const empty = { queues: [] }
  const { faults, ...rest } = server
  const paged =
    (second: Page): Fault =>
    async () => {
      const first = { queues: [queue('mails')], next: '2' }
      const undo = [
        await server.answer('GET /queues?region=eu', first)(),
        await server.answer('GET /queues?region=eu&page=2', second)(),
      ]
      return async () => {
        for (const each of undo) await each()
      }
    }
  return {
    ...rest,
    server,
    options: { broker_url: server.url },
    environment: ['canary-argument'],
    permissions: () => server.requestedRoutes().map((route) => route.split('?')[0] ?? route),
    act: () => {
      const alert = { number: alerts.length + 1, queue: 'eu/mails', at: new Date().toISOString() }
      alerts.push(alert)
      for (const response of listeners) write(response, alert)
    },
    // `GET /broker` is read by `connect` alone. One fault of each kind, since every check is made of many connectors.
    faults: Object.fromEntries(Object.entries(faults).filter(([name]) => /^GET \/queues\S*(?<!page=2) /.test(name))),
    pages: paged({ queues: [queue('invoices')] }),
    samePage: paged({ queues: [queue('invoices')], next: '2' }),
    empty: async () => {
      const undo = ['eu', 'us'].map((region) => server.answer(`GET /queues?region=${region}`, empty)())
      return async () => {
        for (const each of undo) await (await each)()
      }
    },
  }
}

/** The scenario in which the good connector passes. */
export const scenario: Scenario = {
  name: 'two regions',
  options: { api_token: 'broker-canary-token', page_size: 50 },
  start: startBroker,
  maxRequests: 2,
}
