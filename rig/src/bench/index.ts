export { type Churned, type ChurnOptions, churnPods } from '../kubernetes/seeding/churn.ts'
export { type SeedOptions, seedApiServer } from '../kubernetes/seeding/seed.ts'
export { type AgentProcessCost, agentFlags, measureAgentProcess } from './agent-process.ts'
export { usageOf } from './process-usage.ts'
