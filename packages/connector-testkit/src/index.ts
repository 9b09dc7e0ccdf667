export {
  type Check,
  type CheckDescription,
  CheckError,
  type CheckResult,
  type CheckSeverity,
  runChecks,
  summarize,
} from './check.ts'
export { type ChecksOptions, checks } from './checks.ts'
export { type CollectContextOptions, collectContext, runCollector } from './collect-context.ts'
export { connectContext, type TestConnectContext, testKeyedHash } from './connect-context.ts'
export { type FakeContext, type FakeContextOptions, fakeContext } from './fake-context.ts'
export { type FakePlatform, fakePlatform } from './fake-platform.ts'
export { type FakeAnswer, type FakeRoutes, type FakeServer, fakeServer } from './fake-server.ts'
export { type IsolatedChecksOptions, runIsolatedChecks } from './isolated/run-isolated-checks.ts'
export { permissionsOf } from './kit-settings.ts'
export { type ManualClock, manualClock, manualClock as clock } from './manual-clock.ts'
export { type LogLine, type RecordingLogger, recordingLogger } from './recording-logger.ts'
export { type ReportFormat, report } from './report.ts'
export type { Fault, Scenario, ScenarioSystem, Undo } from './scenario.ts'
export { eventsOf, pointsOf } from './signal-queries.ts'
export { type Variation, vary } from './vary.ts'
export { idle, runWatcher, type TestWatchContext, type WatchContextOptions, watchContext } from './watch-context.ts'
