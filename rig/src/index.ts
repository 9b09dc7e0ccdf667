export type { Absence } from './absence.ts'
export { makeCertificates } from './certificates.ts'
export { BUSYBOX_IMAGE, importBusybox, importFolder } from './docker/busybox-image.ts'
export { composeEnvironment } from './docker/compose.ts'
export { answers, docker } from './docker/docker-cli.ts'
export {
  type PrivateEngine,
  type PrivateEngineOptions,
  removePrivateEngine,
  startPrivateEngine,
} from './docker/private-engine.ts'
export { type FoundEngine, findEngine, releaseEngine } from './docker/shared-engine.ts'
export { type ApiServer, type ApiServerOptions, missingForApiServer, startApiServer } from './kubernetes/api-server.ts'
export { findKubectl, type Level } from './kubernetes/binaries.ts'
export { type Cluster, missingForCluster, startCluster } from './kubernetes/cluster.ts'
export { kubeconfigOf, type User } from './kubernetes/credentials.ts'
export { helmProgram } from './kubernetes/helm.ts'
export { type FoundCluster, findCluster, releaseCluster } from './kubernetes/shared-cluster.ts'
export { hasProgram, type RunOptions, run } from './run.ts'
export { testRun } from './test-run.ts'
