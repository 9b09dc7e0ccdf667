import { expect, test } from 'vitest'
import { z } from 'zod'
import { exampleConnector } from '../../test/example-connector.ts'
import { option } from '../config/option-schemas.ts'
import { command } from './command.ts'
import { planDeployment } from './plan-deployment.ts'

const TARGET = { platformUrl: 'https://rca.example.com', agentToken: `agent_prod_${'x'.repeat(43)}` }

test('deploy receives the name of the environment', () => {
  const connector = exampleConnector({
    deploy: ({ environmentName }) => ({ command: command('install', environmentName ?? 'unknown') }),
  })
  expect(planDeployment(connector, { ...TARGET, environmentName: 'prod' }).command).toBe('install prod')
  expect(planDeployment(connector, TARGET).command).toBe('install unknown')
})

test('an option that only a deployment requires is missed there, and not by the agent', () => {
  const network = option.deploymentOnly(z.string().optional().describe('Network of the container.'), { required: true })
  const connector = exampleConnector({
    config: z.object({ network }),
    deploy: ({ deploymentSettings }) => ({ command: command('install', deploymentSettings.network ?? '') }),
  })
  expect(() => planDeployment(connector, TARGET)).toThrow(
    'The configuration of the `example` agent is not valid. `network` is required to deploy the agent. Network of the container.',
  )
  expect(planDeployment(connector, { ...TARGET, config: { network: 'bridge' } }).command).toBe('install bridge')
})
