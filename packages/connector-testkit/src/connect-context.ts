import { createHash } from 'node:crypto'
import type { ConnectContext } from '@rca/core/connector'
import { type RecordingLogger, recordingLogger } from './recording-logger.ts'

/** A connector's context whose log a test can read. */
export interface TestConnectContext<Config> extends ConnectContext<Config> {
  readonly log: RecordingLogger
}

/** Returns the context for `connect`. @param config checked options, with defaults */
export function connectContext<Config>(
  config: Config,
  signal: AbortSignal = new AbortController().signal,
): TestConnectContext<Config> {
  return { config, signal, log: recordingLogger(), keyedHash: testKeyedHash }
}

/** Hashes a text with a fixed key: the same text has the same hash in every test. */
export function testKeyedHash(text: string): string {
  return createHash('sha256').update(`test key/${text}`).digest('hex').slice(0, 32)
}
