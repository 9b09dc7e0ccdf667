import { defineConnector } from '@rca/core/connector'
import { configSchema } from '../src/config.ts'
import { deploy } from '../src/deployment/deployment.ts'

/** A connector that knows how it is deployed, and nothing else: what the tests of deployments need. */
export const kubernetes = defineConnector({
  type: 'kubernetes',
  title: 'Kubernetes',
  description: 'Deploy to Kubernetes cluster using Helm',
  config: configSchema,
  signals: {},
  deploy,
  connect: async () => ({}),
  identify: async () => ({ id: 'cluster', name: 'cluster', entity: { type: 'k8s.cluster', id: 'cluster' } }),
  disconnect: async () => undefined,
  collectors: {},
})
