export type { ClusterConfig } from './client.ts'
export { openKubernetes } from './client.ts'
