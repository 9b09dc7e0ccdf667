export type { LambdaConfig } from './config.ts'
export { lambda } from './connector.ts'
