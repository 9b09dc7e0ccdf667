export type { DockerConfig } from './config.ts'
export { docker } from './connector.ts'
