import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Collector, Connector, EntityReference, Metric, WatchContext, Watcher } from '@rca/core/connector'
import { command, event, metric } from '@rca/core/connector'
import { z } from 'zod'
import { type Check, checks, runChecks, type Scenario, vary } from '../src/index.ts'
import { OF_PACKAGE } from './broken-packages.ts'
import {
  type Broker,
  type Config,
  collectQueues,
  configSchema,
  openBroker,
  queues,
  scenario,
  signals,
} from './queues-connector.ts'

/** One good connector with one fault. */
export interface BrokenConnector {
  readonly connector: Connector<Config, Broker>
  /** Parts of the scenario that differ. */
  readonly scenario?: Partial<Scenario>
  /** For faults that are found by waiting: of their own check. */
  readonly patienceMs?: number
  /** For faults that let other checks wait too. @default 30000 */
  readonly othersPatienceMs?: number
}

type QueuesCollector = Collector<Broker>

const broker = signals.broker.reference('broker-1')
const startedAt = new Date()

/** A collector beside the good ones. */
const collecting = (collect: QueuesCollector['collect'], timeout?: QueuesCollector['timeout']): BrokenConnector => ({
  connector: vary(queues, { collectors: { extra: timeout === undefined ? { collect } : { collect, timeout } } }),
})

/** A declared metric, reported by a collector beside the good ones. */
const reporting = (
  declaration: Partial<Parameters<typeof metric>[0]>,
  value: () => number = () => 1,
): BrokenConnector => {
  const extra = metric({
    name: 'acme.broker.extra',
    unit: '1',
    kind: 'gauge',
    description: 'An extra.',
    ...declaration,
    attributes: {},
  })
  return {
    connector: vary(queues, {
      signals: { extra },
      collectors: { extra: { collect: async () => ({ metrics: [extra.point(value(), broker)] }) } },
    }),
  }
}

/** A declared event, reported by a collector beside the good ones. */
const occurring = (
  events: (make: typeof signals.full.event) => readonly ReturnType<typeof signals.full.event>[],
): BrokenConnector => {
  const extra = event({ name: 'acme.broker.extra', severity: 'info', description: 'An extra.' })
  return {
    connector: vary(queues, {
      signals: { extra },
      collectors: { extra: { collect: async () => ({ events: events(extra.event) }) } },
    }),
  }
}

/** A watcher beside the good one. It follows the alerts, so that it notices a broken stream. */
const watching = (watch: Watcher<Broker>['watch']): BrokenConnector => ({
  connector: vary(queues, { watchers: { extra: { watch } } }),
})

/** Follows the alerts. Emits something, so that checks need not wait for more. */
const following = async (client: Broker, context: WatchContext): Promise<never> => {
  for await (const _ of client.alerts(0, context.signal)) context.emit({})
  throw new Error('The stream ended')
}

const deploying = (change: (deployment: ReturnType<typeof queues.deploy>) => object): BrokenConnector => ({
  connector: vary(queues, {
    deploy: (target) => {
      const deployment = queues.deploy(target)
      return { ...deployment, ...change(deployment) } as typeof deployment
    },
  }),
})

const configuring = (shape: z.ZodRawShape): Connector<Config, Broker> =>
  vary(queues, { config: configSchema.extend(shape) as unknown as (typeof queues)['config'] })

/** Connects with a client of its own for each address, so that checks with systems of their own do not meet. */
const connecting = (connect: (typeof queues)['connect'], patienceMs?: number): BrokenConnector => ({
  connector: vary(queues, { connect }),
  ...(patienceMs === undefined ? {} : { patienceMs }),
})

/** Uses so much CPU, whatever other processes do. */
function burnCpu(milliseconds: number): void {
  const usage = process.threadCpuUsage ?? process.cpuUsage
  const start = usage()
  const used = (): number => {
    const { user, system } = usage(start)
    return (user + system) / 1000
  }
  while (used() < milliseconds);
}

/** Returns true for the first call. */
function first(): () => boolean {
  let isFirst = true
  return () => {
    const now = isFirst
    isFirst = false
    return now
  }
}

const never = (): Promise<never> => new Promise<never>(() => undefined)

/** A metric like a good one, with another field. */
const changed = (change: Partial<Metric>) => {
  const good = signals.delivered.point(5, broker)
  return good === undefined ? undefined : { ...good, ...change }
}

/** Makes the connector that fails a check, and no other one. */
export const brokenConnectors: Readonly<Record<string, () => BrokenConnector>> = {
  'COL-partial': () => ({
    connector: vary(queues, {
      collectors: {
        queues: {
          collect: async (client, { signal }) => {
            const { unread: _, ...rest } = await collectQueues(client, signal)
            return rest
          },
        },
      },
    }),
  }),
  'COL-fault': () => ({
    connector: vary(queues, {
      collectors: {
        queues: {
          collect: async (client, { signal }) => {
            const collected = await collectQueues(client, signal)
            const zero = signals.delivered.point(0, signals.queue.reference('eu/mails'))
            return { ...collected, metrics: collected.gaps.length > 0 ? [zero] : collected.metrics }
          },
        },
      },
    }),
  }),
  'COL-remember': () => {
    // Takes the queues of a failed round for removed ones, which are full again in the next round.
    const known = new WeakMap<Broker, ReadonlySet<string>>()
    return {
      connector: vary(queues, {
        collectors: {
          queues: {
            collect: async (client, { signal }) => {
              const collected = await collectQueues(client, signal)
              const ids = collected.entities.map(({ id }) => id)
              const before = known.get(client) ?? new Set(ids)
              known.set(client, new Set(ids))
              const events = ids
                .filter((id) => !before.has(id))
                .map((id) => {
                  const entity = signals.queue.reference(id)
                  return signals.full.event({ id, at: startedAt, entity, body: `${id} is new.` })
                })
              return { ...collected, events }
            },
          },
        },
      }),
    }
  },
  'CFG-described': () => ({ connector: configuring({ color: z.string().default('red') }) }),
  'CFG-secrets': () => ({
    connector: configuring({ db_password: z.string().default('').describe('Password of the database.') }),
  }),
  'CFG-defaults': () => ({
    connector: configuring({
      mode: z
        .enum(['fast', 'slow'])
        .default('medium' as 'fast')
        .describe('How it reads.'),
    }),
  }),
  'CFG-minimal': () => ({
    connector: vary(queues, {
      config: configSchema
        .extend({
          region: z.string().optional().describe('The region.'),
          zone: z.string().optional().describe('The zone.'),
        })
        .refine(({ region, zone }) => region !== undefined || zone !== undefined, {
          error: 'needs a region or a zone',
        }) as unknown as (typeof queues)['config'],
    }),
    scenario: { options: { region: 'eu' } },
  }),
  'CFG-environment': () => ({
    connector: configuring({ level: z.unknown().default(1).describe('The level.') }),
    scenario: { options: { level: 5 } },
  }),
  'CFG-errors': () => ({
    connector: configuring({
      labels: z
        .any()
        .transform((value: string) => value.split(','))
        .default('a,b' as never)
        .describe('The labels.'),
    }),
  }),
  'SIG-names': () => reporting({ name: 'Acme Extra' }),
  'SIG-units': () => reporting({ unit: 'furlongs' }),
  'SIG-semconv': () => reporting({ name: 'system.memory.usage', unit: 'MiBy' }),
  'SIG-described': () => reporting({ description: '' }),
  'SIG-declared': () => collecting(async () => ({ metrics: [changed({ name: 'acme.unknown' })] })),
  'SIG-unit-kind': () => collecting(async () => ({ metrics: [changed({ unit: 's' })] })),
  'SIG-attributes': () => collecting(async () => ({ metrics: [changed({ attributes: { color: 'red' } })] })),
  'SIG-relations': () =>
    collecting(async () => ({
      entities: [
        {
          type: 'acme.queue',
          id: 'extra',
          name: 'extra',
          attributes: {},
          relations: [{ type: 'likes', target: broker }],
        },
      ],
    })),
  'SIG-coverage': () => ({
    connector: vary(queues, {
      signals: { extra: metric({ name: 'acme.extra', unit: '1', kind: 'gauge', description: 'An extra.' }) },
    }),
  }),
  'DEP-works': () =>
    deployingTo((target) => {
      if (target.hostPlatform === 'win32') throw new Error('Windows is not supported')
    }),
  'DEP-pure': () => deploying(({ command: own }) => ({ command: own.followedBy(command('echo', randomUUID())) })),
  'DEP-token': () => ({
    connector: vary(queues, {
      deploy: (target) => ({ ...queues.deploy(target), uninstall: command('revoke', target.agentToken) }),
    }),
  }),
  'DEP-quoting': () => ({
    connector: vary(queues, {
      deploy: (target) => {
        const { command: own, ...rest } = queues.deploy(target)
        return { ...rest, command: rawCommand(`${own.text} --token "${target.config.api_token}"`) }
      },
    }),
  }),
  'DEP-parses': () => deploying(({ command: { text } }) => ({ command: rawCommand(`${text} '`) })),
  'DEP-error': () =>
    deployingTo((target) => {
      if (target.config.page_size === 100) throw new Error('No page size')
    }),
  'DEP-verify': () => deploying(() => ({ verify: undefined })),
  'DEP-uninstall': () => deploying(() => ({ uninstall: undefined })),
  'DEP-prerequisites': () => deploying(() => ({ prerequisites: [] })),
  'CON-works': () =>
    connecting(async ({ config }) => {
      throw new Error(`The broker at ${config.broker_url} denies access`)
    }),
  'CON-abort': () => connecting(({ config, signal }) => (signal.aborted ? never() : openBroker(config, signal)), 100),
  'CON-error': () =>
    connecting(({ config, signal }) =>
      openBroker(config, signal).catch((error: Error) => Promise.reject(error.message) as never),
    ),
  'CON-refused': () =>
    connecting(({ config, signal }) =>
      openBroker(config, signal).catch((error: Error) => {
        throw error.message.includes('answered') ? error : new Error('The broker is down')
      }),
    ),
  'CON-denied': () =>
    connecting(({ config, signal }) =>
      openBroker(config, signal).catch((error: Error) => {
        throw error.message.includes('answered') ? new Error('The broker has a fault') : error
      }),
    ),
  'CON-slow': () =>
    connecting(({ config, signal }) => openBroker(config, signal.aborted ? signal : new AbortController().signal), 200),
  'CON-twice': () => {
    const failures = new Map<string, Error>()
    return connecting(({ config, signal }) => {
      const failure = failures.get(config.broker_url)
      if (failure !== undefined) throw failure
      return openBroker(config, signal).catch((error: Error) => {
        failures.set(config.broker_url, error)
        throw error
      })
    })
  },
  'IDN-works': () => ({
    connector: vary(queues, { identify: async ({ id }) => ({ id, name: '', entity: broker }) }),
  }),
  'IDN-stable': () => ({
    connector: vary(queues, { identify: async ({ id }) => ({ id: randomUUID(), name: id, entity: broker }) }),
  }),
  'IDN-described': () => ({
    connector: vary(queues, {
      identify: async ({ id }) => ({ id, name: id, entity: signals.broker.reference('unknown') }),
    }),
  }),
  'COL-works': () =>
    collecting(async () => {
      throw new Error('no such table')
    }),
  'COL-returns': () => collecting(async () => ({ metric: [] }) as object),
  'COL-deadline': () =>
    collecting(
      (_client, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      '10ms',
    ),
  'COL-abort': () => ({
    ...collecting(async (_client, { signal }) => {
      await Promise.resolve()
      return signal.aborted ? never() : {}
    }),
    patienceMs: 100,
  }),
  'COL-yields': () => {
    // In the second round of each client: other checks run many rounds.
    const rounds = new WeakMap<Broker, number>()
    return collecting(async (client) => {
      const round = (rounds.get(client) ?? 0) + 1
      rounds.set(client, round)
      if (round === 2) burnCpu(400)
      return {}
    })
  },
  'COL-empty': () => ({
    connector: vary(queues, {
      collectors: {
        queues: {
          collect: async (client, { signal }) => {
            const collected = await collectQueues(client, signal)
            if (collected.entities.length === 0 && collected.gaps.length === 0)
              throw new Error('there are not any queues')
            return collected
          },
        },
      },
    }),
  }),
  'COL-pages': () =>
    connecting(async ({ config, signal }) => {
      const client = await openBroker(config, signal)
      return { ...client, queues: async (region, own) => (await client.page(region, undefined, own)).queues }
    }),
  'COL-calls': () =>
    collecting(async (client, { signal }) => {
      // The other collector reports failures.
      await Promise.allSettled(client.regions.map((region) => client.queues(region, signal)))
      return {}
    }),
  'COL-parallel': () => {
    let shared: { broker: Broker; isClosed: boolean } | undefined
    return {
      connector: vary(queues, {
        connect: async ({ config, signal }) => {
          const opened = await openBroker(config, signal)
          shared = { broker: opened, isClosed: false }
          return opened
        },
        disconnect: async () => {
          if (shared !== undefined) shared.isClosed = true
        },
        collectors: {
          extra: {
            collect: async () => {
              if (shared?.isClosed !== false) throw new Error('the client is closed')
              return {}
            },
          },
        },
      }),
    }
  },
  'VAL-finite': () => collecting(async () => ({ metrics: [changed({ value: Number.NaN })] })),
  'VAL-counters': () => {
    let left = 1_000_000
    return reporting({ kind: 'counter' }, () => {
      left -= 1
      return left
    })
  },
  'VAL-dates': () =>
    occurring((make) => [
      make({ id: 'extra', at: new Date(startedAt.getTime() + 400 * 86_400_000), entity: broker, body: 'Extra.' }),
    ]),
  'VAL-sizes': () =>
    occurring((make) => [make({ id: 'extra', at: startedAt, entity: broker, body: 'x'.repeat(5000) })]),
  'VAL-events-a-round': () =>
    occurring((make) =>
      Array.from({ length: 1001 }, (_, index) =>
        make({ id: `${index}`, at: startedAt, entity: broker, body: `${index}` }),
      ),
    ),
  'VAL-event-ids': () =>
    occurring((make) => [make({ id: randomUUID(), at: startedAt, entity: broker, body: 'Extra.' })]),
  'TOP-described': () =>
    collecting(async () => ({ metrics: [changed({ entity: signals.queue.reference('eu/unknown') })] })),
  'TOP-types': () =>
    collecting(async () => {
      const target: EntityReference = { type: 'acme.host', id: 'host-1' }
      return { entities: [signals.region.entity({ id: 'ap', relations: [{ type: 'part_of', target }] })] }
    }),
  'TOP-one-describer': () => collecting(async () => ({ entities: [signals.broker.entity({ id: broker.id })] })),
  'TOP-stable-ids': () =>
    collecting(async () => ({
      entities: Array.from({ length: 10 }, () => signals.queue.entity({ id: randomUUID() })),
    })),
  'TOP-cardinality': () => {
    const extra = metric({
      name: 'acme.extra',
      unit: '1',
      kind: 'gauge',
      description: 'An extra.',
      attributes: { 'acme.number': 'A number.' },
    })
    return {
      connector: vary(queues, {
        signals: { extra },
        collectors: {
          extra: {
            collect: async () => ({
              metrics: Array.from({ length: 201 }, (_, number) =>
                extra.point(number + 1, broker, { 'acme.number': number }),
              ),
            }),
          },
        },
      }),
    }
  },
  'WAT-follows': () => watching(async () => undefined),
  'WAT-abort': () => {
    const isFirst = first()
    return {
      ...watching((client, context) =>
        following(client, context).catch((error: unknown) => {
          if (context.signal.aborted && isFirst()) return never()
          throw error
        }),
      ),
      patienceMs: 500,
      othersPatienceMs: 5000,
    }
  },
  'WAT-rate': () => {
    const extra = event({ name: 'acme.extra', severity: 'info', description: 'An extra.' })
    return {
      connector: vary(queues, {
        signals: { extra },
        watchers: {
          extra: {
            watch: (client, context) => {
              const events = Array.from({ length: 2001 }, (_, index) =>
                extra.event({ id: `extra/${index}`, at: startedAt, entity: broker, body: `${index}` }),
              )
              context.emit({ events })
              return following(client, context)
            },
          },
        },
      }),
    }
  },
  'WAT-cursor': () => ({
    connector: vary(queues, {
      watchers: {
        alerts: {
          watch: (client, context) => {
            const watcher = queues.watchers?.alerts
            return watcher?.watch(client, { ...context, cursor: undefined }) ?? never()
          },
        },
      },
    }),
  }),
  'WAT-breaks': () =>
    watching((client, context) =>
      following(client, context).catch((error: unknown) => {
        if (context.signal.aborted) throw error
      }),
    ),
  'ELE-one': () => ({
    connector: vary(queues, {
      election: {
        run: async (broker, context) => {
          context.promote()
          await queues.election?.run(broker, { ...context, demote: () => undefined })
        },
      },
    }),
  }),
  'DIS-ends': () => {
    const isFirst = first()
    return {
      connector: vary(queues, { disconnect: () => (isFirst() ? never() : Promise.resolve()) }),
      patienceMs: 500,
      othersPatienceMs: 5000,
    }
  },
  'DIS-twice': () => {
    const closed = new WeakSet<Broker>()
    return {
      connector: vary(queues, {
        disconnect: async (client) => {
          if (closed.has(client)) throw new Error('it is closed already')
          closed.add(client)
        },
      }),
    }
  },
  'DIS-handles': () => {
    const isFirst = first()
    return {
      ...connecting(({ config, signal }) => {
        if (isFirst()) setTimeout(() => undefined, 60_000)
        return openBroker(config, signal)
      }),
      patienceMs: 500,
      othersPatienceMs: 5000,
    }
  },
  'RUN-prototypes': () =>
    collecting(async () => {
      Object.defineProperty(Array.prototype, 'last', { configurable: true, value: () => undefined })
      return {}
    }),
  'RUN-no-exit': () =>
    collecting(async () => {
      process.exit(3)
      return {}
    }),
  'RUN-no-uncaught': () =>
    collecting(async () => {
      setTimeout(() => {
        throw new Error('thrown in a timer')
      }, 0)
      await wait(5)
      return {}
    }),
  'RUN-no-unhandled': () =>
    collecting(async () => {
      void Promise.reject(new Error('rejected'))
      await wait(1)
      return {}
    }),
  'RUN-memory': () => {
    const kept: number[][] = []
    return collecting(async () => {
      kept.push(Array.from({ length: 131_072 }, Math.random))
      return {}
    })
  },
  'OUT-silent': () =>
    collecting(async () => {
      console.log('collecting')
      return {}
    }),
  'SEC-canary': () =>
    collecting(async () => ({
      entities: [signals.queue.entity({ id: 'eu/extra', name: Buffer.from('broker-canary-token').toString('base64') })],
    })),
  'SEC-environment': () =>
    collecting(async () => ({
      entities: [signals.queue.entity({ id: 'eu/extra', name: 'broker --key=canary-argument' })],
    })),
}

/** A command that nothing has quoted. */
function rawCommand(text: string): ReturnType<typeof command> {
  const made = { shell: 'sh', text, toString: () => text, toJSON: () => text, [Symbol.for('rca.shell-command')]: true }
  return made as unknown as ReturnType<typeof command>
}

function deployingTo(see: (target: Parameters<typeof queues.deploy>[0]) => void): BrokenConnector {
  return {
    connector: vary(queues, {
      deploy: (target) => {
        see(target)
        return queues.deploy(target)
      },
    }),
  }
}

/** The checks of the good connector's code. */
export const codeChecks: readonly Check[] = checksOf({ connector: queues })

/** Returns the checks of a connector's code, in the scenario of the good one. */
export function checksOf(broken: BrokenConnector, patienceMs?: number): Check[] {
  const options = { ...scenario.options, ...broken.scenario?.options }
  const scenarios = [{ ...scenario, ...broken.scenario, options }]
  const patience = patienceMs === undefined ? {} : { patienceMs }
  return checks(broken.connector, { scenarios, ...patience }).filter(({ id }) => !OF_PACKAGE.test(id))
}

/** Runs the check for which a connector is broken. Returns its status and what it found first. */
export async function failedOwn(id: string): Promise<unknown[]> {
  const broken = brokenConnectors[id]?.()
  const own = broken === undefined ? [] : checksOf(broken, broken.patienceMs).filter((check) => check.id === id)
  const [result] = await runChecks(own)
  return [result?.status, result?.findings[0]]
}
