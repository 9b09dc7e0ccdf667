import { compress, ENTITY_POINTS, type IngestTarget, POINTS } from './fleet-load.ts'
import { startPlatform } from './platform-process.ts'

/** Starts the API. Agents send the values of known series alone (`sets`), or name the series in each report. */
export async function startApi(form: 'sets' | 'full'): Promise<IngestTarget> {
  const platform = await startPlatform()
  const token = await platform.provision()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-encoding': 'gzip' }
  /** The sets of each agent, as the API named them. */
  const setsOf = new Map<number, readonly string[]>()
  return {
    pid: platform.pid,
    prepare: (agent, sequence) => {
      const report = reportOf(agent, sequence, setsOf.get(agent))
      const body = compress(JSON.stringify({ reports: [report], ...(form === 'sets' && { series_sets: true }) }))
      return { url: `${platform.url}/api/v1/agent/data`, headers, body }
    },
    isAccepted: (status, body, agent) => {
      if (status !== 202 || !body.includes('"duplicates":0')) return false
      if (form === 'sets' && !setsOf.has(agent))
        setsOf.set(agent, (JSON.parse(body) as { series_sets: string[] }).series_sets)
      return true
    },
    diskBytes: platform.databaseBytes,
    stop: platform.stop,
  }
}

/** Creates a report of a small host: one entity changes, the series are always the same. */
function reportOf(agent: number, sequence: number, sets: readonly string[] | undefined): object {
  const hexadecimal = (value: number, length: number): string => value.toString(16).padStart(length, '0')
  const host = `host-${agent}`
  return {
    report_id: `${hexadecimal(Date.now(), 12).replace(/^(.{8})/, '$1-')}-7000-8000-${hexadecimal(agent * 65_536 + sequence, 12)}`,
    agent_id: `00000000-0000-5000-8000-${hexadecimal(agent, 12)}`,
    agent_type: 'server',
    agent_version: '1.0.0',
    sequence,
    timestamp: new Date().toISOString(),
    data: {
      entities: [
        {
          type: 'host',
          id: host,
          name: host,
          attributes: { 'os.type': 'linux', 'host.boot': sequence },
          relations: [],
        },
      ],
      metrics: sets === undefined ? pointsOf(host) : sets.map((series_set) => ({ series_set, values: values() })),
      events: [],
      gaps: [],
    },
  }
}

function pointsOf(host: string): object[] {
  return Array.from({ length: POINTS }, (_, point) => ({
    name: `system.metric.${point % ENTITY_POINTS}`,
    value: Math.random() * 1000,
    unit: 'By',
    kind: 'gauge',
    entity: { type: 'filesystem', id: `${host}/mnt/disk-${Math.floor(point / ENTITY_POINTS)}` },
    attributes: { 'system.device': `/dev/sd${point % 26}`, state: 'used' },
  }))
}

function values(): number[] {
  return Array.from({ length: ENTITY_POINTS }, () => Math.random() * 1000)
}
