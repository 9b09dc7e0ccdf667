import type { Fault, Scenario, ScenarioSystem } from '@rca/connector-testkit'
import { startFakeServer } from './fake-server.ts'

const TOKEN = 'canary-of-a-token'

/** Situations in which the connector is checked, here and by `rca-connector check`. */
export const scenarios: readonly Scenario[] = [
  { name: 'a service', options: { acme_queues_token: TOKEN }, maxRequests: 1, start },
]

/** A service with the faults that the collectors must notice. */
async function start(): Promise<ScenarioSystem> {
  const server = await startFakeServer(TOKEN)
  const answering =
    (status: number): Fault =>
    () => {
      server.status = status
      return () => {
        server.status = 200
      }
    }
  return {
    options: { acme_queues_url: server.url },
    faults: { 'answers 429': answering(429), 'answers 500': answering(500) },
    deny: answering(403),
    empty: () => {
      const items = server.items.splice(0)
      return () => void server.items.push(...items)
    },
    requests: () => server.requests(),
    close: server.close,
  }
}
