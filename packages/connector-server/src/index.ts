export type { ServerConfig } from './config.ts'
export { server } from './connector.ts'
