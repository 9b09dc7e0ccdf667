import { type EntityReference, type Event, type EventDefinition, event } from '@rca/core/connector'
import { describeDifference, type SpecDifference } from './spec.ts'

const attributes = {
  'aws.lambda.change.fields': 'Names of the settings that changed.',
  'aws.lambda.change.values':
    'Each change, with the old and the new value. Values of variables and conditions are never reported.',
} as const

/** Declares an event that names the settings that changed. */
export function changeSignal(name: string, description: string): EventDefinition<typeof attributes> {
  return event({ name, severity: 'info', description, attributes })
}

export function changeEvent(
  signal: EventDefinition<typeof attributes>,
  change: {
    readonly id?: string | undefined
    readonly at: Date
    readonly entity: EntityReference
    readonly subject: string
    readonly difference: SpecDifference
  },
): Event {
  const { difference, subject, ...occurrence } = change
  return signal.event({
    ...occurrence,
    body: `${subject} changed: ${describeDifference(difference)}`,
    attributes: {
      'aws.lambda.change.fields': difference.fields,
      'aws.lambda.change.values': difference.texts,
    },
  })
}
