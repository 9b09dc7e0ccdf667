/**
 * Measures the ingest of fleets beside the databases that people use instead: agents that each send 50 points every
 * 10 s, one gzipped request each, over loopback HTTP. Each program is a process of its own, and shares the machine with
 * the sender. The first request of each agent, which creates its series, is sent before the measurement.
 *
 * Agents of this repository send the values of known series alone (`sets`). The API is measured again with agents that
 * name the series in each report (`full`), as the databases' clients do. A database that is not installed is skipped.
 *
 *     npm run bench -- ingest [--agents 100,1000,10000] [--seconds 30] [--only sets,full,influxdb]
 */
import { parseArgs } from 'node:util'
import { type FleetFigures, type IngestTarget, measureFleet } from './fleet-load.ts'
import { startApi } from './ingest-api.ts'
import { PEERS } from './ingest-peers.ts'

const { values: options } = parseArgs({
  options: {
    agents: { type: 'string', default: '100,1000,10000' },
    seconds: { type: 'string', default: '30' },
    only: { type: 'string' },
  },
})
const seconds = Number(options.seconds)
const fleets = options.agents.split(',').map(Number)
const only = options.only?.split(',')

const TARGETS: Readonly<Record<string, () => Promise<IngestTarget | undefined>>> = {
  sets: () => startApi('sets'),
  full: () => startApi('full'),
  ...PEERS,
}

/** Heading, width and number of decimals of each figure. */
const COLUMNS = [
  ['reportsPerSecond', 'reports/s', 1],
  ['pointsPerSecond', 'points/s', 0],
  ['cpuMs', 'CPU ms/1k points', 2],
  ['medianMs', 'median ms', 1],
  ['p99Ms', 'p99 ms', 1],
  ['refused', 'refused', 0],
  ['residentMb', 'RSS MB', 0],
  ['bytesPerPoint', 'B/point', 1],
] as const satisfies readonly (readonly [keyof FleetFigures, string, number])[]

console.log(
  `${'agents'.padStart(8)}  ${'program'.padEnd(18)}${COLUMNS.map(([, title]) => title.padStart(18)).join('')}`,
)
for (const agents of fleets)
  for (const [name, start] of Object.entries(TARGETS)) {
    if (only !== undefined && !only.includes(name)) continue
    const target = await start()
    if (target === undefined) continue
    try {
      const figures = await measureFleet(target, agents, seconds)
      const cells = COLUMNS.map(([figure, , decimals]) => figures[figure].toFixed(decimals).padStart(18))
      console.log(`${String(agents).padStart(8)}  ${name.padEnd(18)}${cells.join('')}`)
    } finally {
      await target.stop()
    }
  }
