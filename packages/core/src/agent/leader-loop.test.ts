import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { gate } from '../../test/gate.ts'
import { recordingLogger } from '../../test/recording-logger.ts'
import { runtimeConfigSchema } from '../config/runtime-config.ts'
import type { Connector } from '../connector/connector.ts'
import type { ElectionRunner } from './election/election-runner.ts'
import { createLeaderLoop } from './leader-loop.ts'
import type { ReportBuilder } from './report/report-builder.ts'
import type { ReportQueue } from './report-queue.ts'
import type { Session } from './session.ts'

test('LeaderLoop runs until the agent stops and the last term has ended, even without watchers', async () => {
  const stopping = new AbortController()
  const heartbeat = gate<boolean>()
  const nothing = (): undefined => undefined
  const loop = createLeaderLoop({
    connector: { collectors: {}, election: {} } as unknown as Connector,
    runtime: runtimeConfigSchema.parse({}),
    reports: { standby: nothing, promote: nothing, hasContent: () => false } as unknown as ReportBuilder,
    queue: { add: async () => undefined } as unknown as ReportQueue,
    heartbeats: { send: () => heartbeat.promise, sendOnChange: async () => undefined },
    log: recordingLogger(),
    signal: stopping.signal,
  })
  const election = { run: async () => undefined, role: () => 'leader' } as unknown as ElectionRunner
  const session = {
    election,
    watchers: { run: async () => undefined, discardEndedGaps: () => undefined },
    collectors: { reset: nothing },
  } as unknown as Session
  const history: string[] = []
  void loop.run(session).then(() => history.push('ended'))
  await setImmediate()
  loop.onElectionChange(session)
  await setImmediate()
  history.push('stopping')
  stopping.abort()
  await setImmediate()
  history.push('acknowledged')
  heartbeat.open(true)
  await setImmediate()
  expect(history).toEqual(['stopping', 'acknowledged', 'ended'])
})
