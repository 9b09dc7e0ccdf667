import { type Collector, type Entity, type Event, entity, metric, type Signals } from '@rca/core/connector'
import type { Alias, FunctionVersion, ProvisionedConcurrency } from '../aws/aws-api.ts'
import { AwsError, isAwsError } from '../aws/aws-error.ts'
import { changeEvent, changeSignal } from '../changes/change-event.ts'
import { policySpec } from '../changes/policy-spec.ts'
import { compareSpecs, presentValues, type Spec } from '../changes/spec.ts'
import type { LambdaClient } from '../lambda-client.ts'
import { gauge } from '../metrics.ts'
import { functionSignals } from './functions.ts'

export const settingSignals = {
  alias: entity({
    type: 'aws.lambda.alias',
    description: 'An alias of a function.',
    attributes: {
      'faas.name': 'Name of the function.',
      'faas.version': 'Number of its main version.',
      'aws.lambda.alias.weights': 'Shares of further versions, as `3=0.1`.',
    },
    relations: { part_of: 'Its function.', routes_to: 'A version that it invokes.' },
  }),
  reserved: gauge(
    'aws.lambda.concurrency.reserved',
    '{execution}',
    'Executions that are reserved for a function, and at the same time its maximum.',
  ),
  provisioned: metric({
    name: 'aws.lambda.concurrency.provisioned',
    unit: '{execution}',
    kind: 'gauge',
    description: 'Provisioned concurrency of a version or an alias.',
    attributes: {
      'aws.lambda.qualifier': 'The version or the alias.',
      'aws.lambda.concurrency.state': '`requested` or `available`.',
    },
  }),
  aliasChanged: changeSignal(
    'aws.lambda.alias.changed',
    'An alias of a function was added or removed, or its versions or their shares changed.',
  ),
  concurrencyChanged: changeSignal(
    'aws.lambda.concurrency.changed',
    'Reserved or requested provisioned concurrency of a function changed.',
  ),
  permissionsChanged: changeSignal(
    'aws.lambda.permissions.changed',
    'The policy of a function changed: who may invoke it.',
  ),
}

/**
 * Functions that a run reads. Four requests for each: at most 100 a minute, of the 15 a second that Lambda allows to
 * all tools of an account together.
 */
const MAX_FUNCTIONS_PER_RUN = 25

/** Time after which settings are read again, although the function itself has not changed. */
const MAX_AGE_MS = 300_000

/** Parts of a function's settings. Each needs a permission of its own. */
interface Settings {
  readonly aliases: readonly Alias[]
  readonly reserved: number | undefined
  readonly provisioned: readonly ProvisionedConcurrency[]
  readonly policy: Spec
}

/** Settings of a function as far as they could be read. */
interface Reading {
  readonly settings: Partial<Settings>
  /** Milliseconds since 1970. */
  readonly readAt: number
  readonly revision: string | undefined
}

/**
 * Aliases, concurrency and permissions, which Lambda returns for one function at a time. Each run reads changed
 * functions first, and then those that were read longest ago.
 */
export const settings: Collector<LambdaClient> = {
  interval: '1m',
  timeout: '50s',
  async collect(client, { signal, now, swapState }) {
    const found = await client.listFunctions({ signal, now })
    const latest = found.filter(({ version }) => version === '$LATEST')
    // Filled before the run ends.
    const readings = new Map<string, Reading>()
    const before = swapState<ReadonlyMap<string, Reading>>(readings) ?? new Map<string, Reading>()
    for (const { functionArn } of latest) {
      const old = before.get(functionArn)
      if (old !== undefined) readings.set(functionArn, old)
    }
    const problems = new Map<keyof Settings, AwsError>()
    for (const version of dueFunctions(latest, before, now().getTime())) {
      const read = await readSettings(client, version.name, problems, signal)
      const old = before.get(version.functionArn)?.settings
      readings.set(version.functionArn, {
        settings: { ...old, ...read },
        readAt: now().getTime(),
        revision: version.revision,
      })
      // The functions that are left come first in the next run.
      if ([...problems.values()].some((error) => error.kind !== 'denied')) break
    }
    const isComplete = latest.every(({ functionArn }) => readings.get(functionArn)?.settings.aliases !== undefined)
    return {
      entities: latest.flatMap((version) =>
        aliasEntities(version, readings.get(version.functionArn)?.settings.aliases),
      ),
      metrics: latest.flatMap((version) => metricsOf(version, readings.get(version.functionArn)?.settings)),
      events: latest.flatMap((version) =>
        changesOf(
          version,
          before.get(version.functionArn)?.settings,
          readings.get(version.functionArn)?.settings,
          now(),
        ),
      ),
      gaps: [...problems].map(([part, { message }]) => ({ scope: `function:${part}`, reason: message })),
      unread: isComplete ? [] : [{ type: settingSignals.alias.type }],
    }
  },
}

/** Returns the functions to read: changed ones, then those that were read longest ago. */
function dueFunctions(
  latest: readonly FunctionVersion[],
  readings: ReadonlyMap<string, Reading>,
  now: number,
): FunctionVersion[] {
  const readAt = ({ functionArn, revision }: FunctionVersion): number => {
    const reading = readings.get(functionArn)
    return reading === undefined || reading.revision !== revision ? 0 : reading.readAt
  }
  return latest
    .filter((version) => now - readAt(version) >= MAX_AGE_MS)
    .toSorted((a, b) => readAt(a) - readAt(b))
    .slice(0, MAX_FUNCTIONS_PER_RUN)
}

/** Reads all parts that no earlier function of this run was refused. Adds the problems of the others. */
async function readSettings(
  { aws, keyedHash }: LambdaClient,
  name: string,
  problems: Map<keyof Settings, AwsError>,
  signal: AbortSignal,
): Promise<Partial<Settings>> {
  const readers: { readonly [Part in keyof Settings]: () => Promise<Settings[Part]> } = {
    aliases: () => aws.listAliases(name, signal),
    reserved: () => aws.reservedConcurrency(name, signal),
    provisioned: () => aws.provisionedConcurrency(name, signal),
    policy: async () => policySpec(await aws.policy(name, signal), keyedHash),
  }
  const parts = (Object.keys(readers) as (keyof Settings)[]).filter((part) => !problems.has(part))
  const read = await Promise.all(
    parts.map(async (part) => {
      try {
        return [[part, await readers[part]()]] as const
      } catch (error) {
        signal.throwIfAborted()
        // The function was deleted after it was listed.
        if (!isAwsError(error, 'not-found')) problems.set(part, problemOf(error, part, name))
        return []
      }
    }),
  )
  return Object.fromEntries(read.flat()) as Partial<Settings>
}

function problemOf(error: unknown, part: string, name: string): AwsError {
  if (error instanceof AwsError) return error
  return new AwsError('failed', `The ${part} of ${name} could not be understood: ${(error as Error).message}`)
}

function aliasEntities({ name, functionArn }: FunctionVersion, aliases: readonly Alias[] = []): Entity[] {
  return aliases.map((alias) =>
    settingSignals.alias.entity({
      id: alias.arn,
      name: `${name}:${alias.name}`,
      attributes: {
        'faas.name': name,
        'faas.version': alias.version,
        'aws.lambda.alias.weights': weightsOf(alias),
      },
      relations: [
        { type: 'part_of', target: functionSignals.function.reference(functionArn) },
        ...[alias.version, ...Object.keys(alias.weights)]
          // The unpublished version is the function itself.
          .filter((version) => version !== '$LATEST')
          .map((version) => ({
            type: 'routes_to' as const,
            target: functionSignals.version.reference(`${functionArn}:${version}`),
          })),
      ],
    }),
  )
}

function metricsOf({ functionArn }: FunctionVersion, read: Partial<Settings> = {}): NonNullable<Signals['metrics']> {
  const entity = functionSignals.function.reference(functionArn)
  return [
    settingSignals.reserved.point(read.reserved, entity),
    ...(read.provisioned ?? []).flatMap(({ arn, requested, available }) => {
      const qualifier = { 'aws.lambda.qualifier': qualifierOf(arn) }
      return [
        settingSignals.provisioned.point(requested, entity, {
          ...qualifier,
          'aws.lambda.concurrency.state': 'requested',
        }),
        settingSignals.provisioned.point(available, entity, {
          ...qualifier,
          'aws.lambda.concurrency.state': 'available',
        }),
      ]
    }),
  ]
}

/** Compares the parts that both readings have. */
function changesOf(
  { name, functionArn }: FunctionVersion,
  before: Partial<Settings> | undefined,
  after: Partial<Settings> | undefined,
  at: Date,
): Event[] {
  if (before === undefined || after === undefined || before === after) return []
  const entity = functionSignals.function.reference(functionArn)
  const compared = [
    { signal: settingSignals.aliasChanged, subject: `Aliases of ${name}`, specs: [before, after].map(aliasSpec) },
    {
      signal: settingSignals.concurrencyChanged,
      subject: `Concurrency of ${name}`,
      specs: [before, after].map(concurrencySpec),
    },
    {
      signal: settingSignals.permissionsChanged,
      subject: `Permissions of ${name}`,
      specs: [before.policy, after.policy],
    },
  ]
  return compared.flatMap(({ signal, subject, specs: [old, current] }) => {
    const difference = old === undefined || current === undefined ? undefined : compareSpecs(old, current)
    return difference === undefined ? [] : [changeEvent(signal, { at, entity, subject, difference })]
  })
}

function aliasSpec({ aliases }: Partial<Settings>): Spec | undefined {
  if (aliases === undefined) return undefined
  const routes = aliases.map((alias) => [alias.name, [alias.version, ...weightsOf(alias)].join(', ')])
  return { shown: Object.fromEntries(routes), hashed: {} }
}

function concurrencySpec(read: Partial<Settings>): Spec | undefined {
  if (!('reserved' in read) || read.provisioned === undefined) return undefined
  return {
    shown: presentValues({
      reserved: read.reserved?.toString(),
      ...Object.fromEntries(
        read.provisioned.map(({ arn, requested }) => [`provisioned for ${qualifierOf(arn)}`, requested?.toString()]),
      ),
    }),
    hashed: {},
  }
}

/** Returns shares as `3=0.1`, by version. */
function weightsOf({ weights }: Alias): string[] {
  return Object.entries(weights)
    .map(([version, share]) => `${version}=${share}`)
    .toSorted()
}

function qualifierOf(arn: string): string {
  return arn.split(':').slice(7).join(':')
}
