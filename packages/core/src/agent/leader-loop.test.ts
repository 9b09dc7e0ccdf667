import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { gate } from '../../test/gate.ts'
import { recordingLogger } from '../../test/recording-logger.ts'
import { runtimeConfigSchema } from '../config/runtime-config.ts'
import type { Connector } from '../connector/connector.ts'
import type { Leadership } from './election/election-runner.ts'
import { createServing } from './leader-loop.ts'
import type { Reporting } from './report/report-builder.ts'
import type { ReportQueue } from './report-queue.ts'
import type { Open } from './session.ts'

test('serving lasts until the agent stops and its last term has ended, without watchers, too', async () => {
  const stopping = new AbortController()
  const beat = gate<boolean>()
  const nothing = (): undefined => undefined
  const serving = createServing({
    connector: { collectors: {}, election: {} } as unknown as Connector,
    runtime: runtimeConfigSchema.parse({}),
    reporting: { standBy: nothing, begin: nothing, hasNews: () => false } as unknown as Reporting,
    queue: { add: async () => undefined } as unknown as ReportQueue,
    heart: { beat: () => beat.promise, beatOnChange: async () => undefined },
    log: recordingLogger(),
    signal: stopping.signal,
  })
  const leadership = { run: async () => undefined, role: () => 'leader' } as unknown as Leadership
  const open = {
    leadership,
    watching: { run: async () => undefined },
    collection: { forget: nothing },
  } as unknown as Open
  const history: string[] = []
  void serving.run(open).then(() => history.push('ended'))
  await setImmediate()
  serving.onElection(open)
  await setImmediate()
  history.push('stopping')
  stopping.abort()
  await setImmediate()
  history.push('heard')
  beat.open(true)
  await setImmediate()
  expect(history).toEqual(['stopping', 'heard', 'ended'])
})
