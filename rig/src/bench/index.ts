export { type Churned, type ChurnOptions, churnPods } from '../kubernetes/seeding/churn.ts'
export { type Kubelets, startKubelets } from '../kubernetes/seeding/kubelets.ts'
export { type SeedOptions, seedApiServer } from '../kubernetes/seeding/seed.ts'
export { startAcceptingPlatform } from './accepting-platform.ts'
export {
  type AgentProcessCost,
  agentFlags,
  freePort,
  measureAgentProcess,
  measureAgentShare,
  usageOf,
} from './agent-process.ts'
export { cpuShareOf, profileFlags } from './cpu-profile.ts'
