import { defineConnector } from '@rca/core/connector'
import { account, accountSignals } from './collectors/account.ts'
import { eventSourceSignals, eventSources } from './collectors/event-sources.ts'
import { functionSignals, functions } from './collectors/functions.ts'
import { settingSignals, settings } from './collectors/settings.ts'
import { usage, usageSignals } from './collectors/usage.ts'
import { configSchema } from './config.ts'
import { connect } from './connect.ts'
import { deploy } from './deployment/deployment.ts'
import { apiCallSignals, apiCalls } from './events/api-calls.ts'

/** Signal names follow the OpenTelemetry semantic conventions for functions as a service, then `aws.lambda.*`. */
export const lambda = defineConnector({
  type: 'lambda',
  title: 'AWS Lambda',
  description: 'Deploy to an AWS account as a Fargate task',
  config: configSchema,
  signals: {
    ...accountSignals,
    ...functionSignals,
    eventSource: eventSourceSignals.eventSource,
    eventSourceChanged: eventSourceSignals.changed,
    ...settingSignals,
    ...usageSignals,
    ...apiCallSignals,
  },
  deploy,
  connect,
  identify: async ({ accountId, aws, entity }) => ({
    id: entity.id,
    name: `${accountId} ${aws.region}`,
    entity,
  }),
  disconnect: async ({ aws }) => aws.close(),
  collectors: { account, functions, 'event-sources': eventSources, settings, usage },
  watchers: { 'api-calls': apiCalls },
})
