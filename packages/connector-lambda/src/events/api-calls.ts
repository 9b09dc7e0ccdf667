import { type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { RecordedCall } from '../aws/aws-api.ts'
import { functionArnOf } from '../aws/function-arn.ts'
import { accountSignals } from '../collectors/account.ts'
import { functionSignals } from '../collectors/functions.ts'
import type { LambdaClient } from '../lambda-client.ts'

export const apiCallSignals = {
  apiCall: event({
    name: 'aws.lambda.api_call',
    severity: 'info',
    description: 'Someone changed a function, or tried to, by CloudTrail: who, when and from where.',
    attributes: {
      'rpc.method': 'The operation, such as `UpdateFunctionCode`.',
      'user.name': 'Name of the user, or of the session of the role.',
      'aws.user_identity.arn': 'ARN of the user or the role.',
      'client.address': 'Address of the caller, or the AWS service that called.',
      'user_agent.original': 'Tool of the caller.',
      'error.type': 'Code of the error, if the call failed.',
    },
  }),
}

/** CloudTrail records most calls within five minutes, and some later. */
const LATENESS_MS = 900_000

/** Longest time that is looked up after the agent was stopped. */
const MAX_PERIOD_MS = 86_400_000

const cursorSchema = z.object({
  /** End of the last look-up. ISO 8601. */
  until: z.iso.datetime(),
})

/** Follows the event history of CloudTrail. Events have its ids: the platform stores each once. */
export const apiCalls: Watcher<LambdaClient> = {
  async watch(client, { signal, now, emit, sleep, ...saved }) {
    if (!client.config.cloudtrail) return await aborted(signal)
    const cursor = openCursor(cursorSchema, saved)
    let until = cursor.before === undefined ? now().getTime() : Date.parse(cursor.before.until)
    /** Ids of emitted calls → their times. */
    const emitted = new Map<string, number>()
    for (;;) {
      const to = now().getTime()
      const from = Math.max(until - LATENESS_MS, to - MAX_PERIOD_MS)
      const calls = await client.aws.lookUpChanges({ from: new Date(from), to: new Date(to) }, signal)
      const events = calls
        .filter(({ id }) => !emitted.has(id))
        .toSorted((a, b) => a.at.getTime() - b.at.getTime())
        .map((call) => toEvent(client, call))
      if (events.length > 0) emit({ events })
      for (const { id, at } of calls) emitted.set(id, at.getTime())
      for (const [id, at] of emitted) if (at < to - MAX_PERIOD_MS - LATENESS_MS) emitted.delete(id)
      until = to
      await cursor.save({ until: new Date(until).toISOString() })
      await sleep('2m')
    }
  },
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function toEvent(client: LambdaClient, call: RecordedCall): Event {
  const name = call.functionName === undefined ? undefined : functionNameOf(call.functionName)
  const who = call.userName ?? call.userArn ?? 'An AWS service'
  const result = call.error === undefined ? 'called' : `failed (${call.error}) to call`
  return apiCallSignals.apiCall.event({
    id: call.id,
    at: call.at,
    entity:
      name === undefined
        ? accountSignals.account.reference(client.entity.id)
        : functionSignals.function.reference(
            `arn:${client.partition}:lambda:${client.aws.region}:${client.accountId}:function:${name}`,
          ),
    body: `${who} ${result} ${call.operation}${name === undefined ? '' : ` on ${name}`}`,
    attributes: {
      'rpc.method': call.operation,
      'user.name': call.userName,
      'aws.user_identity.arn': call.userArn,
      'client.address': call.address,
      'user_agent.original': call.userAgent,
      'error.type': call.error,
    },
  })
}

/** Returns the name in `orders`, `orders:live`, `1234:function:orders` or an ARN, with or without a qualifier. */
function functionNameOf(text: string): string {
  if (text.startsWith('arn:')) return functionArnOf(text).split(':')[6] ?? text
  return /(?:^|:)function:([^:]+)/.exec(text)?.[1] ?? text.split(':')[0] ?? text
}
