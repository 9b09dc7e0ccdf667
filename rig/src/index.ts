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
export { hasProgram, type RunOptions, run } from './run.ts'
export { testRun } from './test-run.ts'
