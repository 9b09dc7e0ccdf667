export { makeCertificates, makeSelfSignedCertificate } from './certificates.ts'
export { composeEnvironment } from './docker/compose.ts'
export { answers, docker } from './docker/docker-cli.ts'
export { buildNewerEngines, type EngineRelease } from './docker/engine-release.ts'
export {
  missingForPrivateEngine,
  type PrivateEngine,
  type PrivateEngineOptions,
  removePrivateEngine,
  startPrivateEngine,
} from './docker/private-engine.ts'
export { type FoundEngine, findEngine, releaseEngine } from './docker/shared-engine.ts'
export { BUSYBOX_IMAGE, importBusybox, importFolder } from './docker/test-images.ts'
export { type ApiServer, type ApiServerOptions, missingForApiServer, startApiServer } from './kubernetes/api-server.ts'
export { findKubectl, helmProgram, type Level } from './kubernetes/binaries.ts'
export { type Cluster, missingForCluster, startCluster } from './kubernetes/cluster.ts'
export { kubeconfigOf, type User } from './kubernetes/credentials.ts'
export { type FoundCluster, findCluster, releaseCluster } from './kubernetes/shared-cluster.ts'
export { type Machine, missingForMachine, startMachine } from './machine/machine.ts'
export { buildRoot, type Init, type MachineSystem, type Suite } from './machine/machine-root.ts'
export type { Absence } from './real.ts'
export { hasProgram, type RunOptions, run, START_TIMEOUT_MS } from './run.ts'
export {
  ARCHIVES_TIMEOUT_MS,
  FIRST_VERSION,
  findArchives,
  releaseArchives,
  SECOND_VERSION,
  type SharedArchives,
} from './shared-archives.ts'
export { testRun } from './shared-resource.ts'
export { startVm } from './vm/vm.ts'
export { buildImage as buildVm } from './vm/vm-image.ts'
