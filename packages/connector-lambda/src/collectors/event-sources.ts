import { type Collector, type Entity, entity } from '@rca/core/connector'
import type { EventSource } from '../aws/aws-api.ts'
import { functionArnOf } from '../aws/function-arn.ts'
import { changeEvent, changeSignal } from '../changes/change-event.ts'
import { compareSpecs, presentValues, type Spec } from '../changes/spec.ts'
import type { LambdaClient } from '../lambda-client.ts'
import { functionSignals } from './functions.ts'

export const eventSourceSignals = {
  eventSource: entity({
    type: 'aws.lambda.event_source',
    description: 'An event source mapping: Lambda reads a stream, queue or broker and invokes a function.',
    attributes: {
      'aws.lambda.event_source.arn': 'ARN of the stream, queue or cluster.',
      'aws.lambda.event_source.target': 'ARN that it invokes: the function, a version or an alias.',
      'aws.lambda.event_source.state': '`Enabled`, `Disabled`, or on the way to one of them.',
      'aws.lambda.event_source.state_reason': 'Cause of the last change of the state.',
      'aws.lambda.event_source.last_result': 'Result of the last invocation, such as `OK` or `PROBLEM: …`.',
      'aws.lambda.event_source.batch_size': 'Maximum number of records in an invocation.',
    },
    relations: { triggers: 'The function that it invokes.' },
  }),
  changed: changeSignal(
    'aws.lambda.event_source.changed',
    'The settings or the state of an event source mapping changed.',
  ),
}

/** Event source mappings, and their changes since the last run. */
export const eventSources: Collector<LambdaClient> = {
  interval: '1m',
  timeout: '30s',
  async collect({ aws, isWatched, keyedHash }, { signal, now, swapState }) {
    const all = await aws.listEventSources(signal)
    const sources = all.filter(({ targetArn }) => isWatched(nameOf(targetArn)))
    const specs: ReadonlyMap<string, Spec> = new Map(sources.map((source) => [source.id, specOf(source, keyedHash)]))
    const before = swapState(specs)
    return {
      entities: sources.map(sourceEntity),
      events: sources.map((source) => {
        const [old, current] = [before?.get(source.id), specs.get(source.id)]
        if (old === undefined || current === undefined) return undefined
        const difference = compareSpecs(old, current)
        if (difference === undefined) return undefined
        return changeEvent(eventSourceSignals.changed, {
          at: now(),
          entity: eventSourceSignals.eventSource.reference(source.id),
          subject: `The source ${sourceName(source)} of ${nameOf(source.targetArn)}`,
          difference,
        })
      }),
    }
  },
}

function sourceEntity(source: EventSource): Entity {
  return eventSourceSignals.eventSource.entity({
    id: source.id,
    name: `${sourceName(source)} → ${nameOf(source.targetArn)}`,
    attributes: {
      'aws.lambda.event_source.arn': source.sourceArn,
      'aws.lambda.event_source.target': source.targetArn,
      'aws.lambda.event_source.state': source.state,
      'aws.lambda.event_source.state_reason': source.stateReason,
      'aws.lambda.event_source.last_result': source.lastResult,
      'aws.lambda.event_source.batch_size': source.batchSize,
    },
    relations: [{ type: 'triggers', target: functionSignals.function.reference(functionArnOf(source.targetArn)) }],
  })
}

function specOf(source: EventSource, keyedHash: (text: string) => string): Spec {
  return {
    shown: presentValues({
      ...source.settings,
      source: source.sourceArn,
      target: source.targetArn,
      state: source.state,
      last_result: source.lastResult,
    }),
    hashed: { filters_and_access: keyedHash(source.privateSettings) },
  }
}

/** `arn:aws:sqs:eu-central-1:1:orders` → `orders` */
function sourceName({ sourceArn, id }: EventSource): string {
  return sourceArn?.split(':').slice(5).join(':') ?? id
}

function nameOf(targetArn: string): string {
  return targetArn.split(':')[6] ?? targetArn
}
