export { type AgentProcessCost, agentFlags, measureAgentProcess } from './agent-process.ts'
export { usageOf } from './process-usage.ts'
