/**
 * Runs collectors until one is named that keeps memory after each run, or 20 times, and prints the scopes of all gaps
 * as JSON. Run by agent/collect/memory-monitor.test.ts.
 */
import { createCollectorRunner } from '../src/agent/collect/collector-runner.ts'
import { createSignalValidator } from '../src/agent/validate/validate-signals.ts'
import type { Connector } from '../src/connector/connector.ts'
import { silentLogger } from '../src/logger.ts'
import { type Client, exampleConnector, signals } from './example-connector.ts'

const kept: object[] = []
const cache = new Map<number, object>()
let runs = 0

/** Objects of about 8 MB. */
const objects = (): object[] => Array.from({ length: 100_000 }, (_none, index) => ({ index, name: `name ${index}` }))
const after = (work: () => unknown) => async () => {
  await new Promise((resolve) => setTimeout(resolve, 1))
  work()
  return {}
}
const collectors: Connector<unknown, Client>['collectors'] = {
  quiet: { collect: after(() => undefined) },
  garbage: { collect: after(() => objects().length) },
  cache: { collect: after(() => cache.set(runs % 3, objects())) },
  leak: { collect: after(() => kept.push(objects(), Buffer.alloc(50e6, 1))) },
}
const runner = createCollectorRunner({
  connector: exampleConnector({ collectors }),
  client: { name: 'example' },
  validator: createSignalValidator(signals),
  redact: (text) => text,
  now: () => new Date(),
  log: silentLogger,
  signal: new AbortController().signal,
})
while (runs < 20 && !runner.gaps().some(({ scope }) => scope.startsWith('memory:'))) {
  runs += 1
  await Promise.all(Object.keys(collectors).map((name) => runner.run(name)))
}
console.log(JSON.stringify({ runs, gaps: runner.gaps().map(({ scope, reason }) => `${scope} ${reason}`) }))
