import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { hasProgram } from '@rca/rig'
import { freePort } from '@rca/rig/bench'
import protobuf from 'protobufjs'
import { compress as compressSnappy } from 'snappyjs'
import { compress, ENTITY_POINTS, type IngestTarget, POINTS, type Request } from './fleet-load.ts'

/** Time in which a database starts, in milliseconds. */
const START_TIMEOUT_MS = 30_000

const PROMETHEUS = 'prometheus'

/** Databases of Debian with their own defaults, by name. A database that is not installed is skipped. */
export const PEERS: Readonly<Record<string, () => Promise<IngestTarget | undefined>>> = {
  influxdb: () =>
    startPeer('influxd', 'influxdb', 'ping', async (folder, port) => {
      const config = join(folder, 'influxdb.conf')
      const paths = ['meta', 'data'].map((name) => `[${name}]\n  dir = "${join(folder, name)}"`)
      const http = `[http]\n  bind-address = "127.0.0.1:${port}"\n  log-enabled = false`
      const bind = `reporting-enabled = false\nbind-address = "127.0.0.1:${await freePort()}"`
      writeFileSync(config, `${bind}\n${paths.join('\n')}\n  wal-dir = "${join(folder, 'wal')}"\n${http}\n`)
      return {
        words: ['-config', config],
        setUp: async (url) => {
          const answer = await fetch(`${url}/query?q=CREATE%20DATABASE%20bench`, { method: 'POST' })
          if (!answer.ok) throw new Error(`InfluxDB did not create a database: ${answer.status}`)
        },
        prepare: lineRequest('/write?db=bench&precision=ms'),
      }
    }),
  victoriametrics: () =>
    startPeer('victoria-metrics', 'victoria-metrics', 'health', async (folder, port) => ({
      words: [`-storageDataPath=${folder}`, `-httpListenAddr=127.0.0.1:${port}`, '-loggerLevel=ERROR'],
      prepare: lineRequest('/write?precision=ms'),
    })),
  prometheus: () =>
    startPeer(PROMETHEUS, PROMETHEUS, '-/ready', async (folder, port) => {
      const config = join(folder, 'prometheus.yml')
      writeFileSync(config, '')
      return {
        words: [
          `--config.file=${config}`,
          `--storage.tsdb.path=${folder}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--web.enable-remote-write-receiver',
          '--log.level=error',
        ],
        prepare: remoteWriteRequest,
      }
    }),
}

interface Peer {
  readonly words: readonly string[]
  readonly setUp?: (url: string) => Promise<void>
  /** Creates the request of an agent to a path below `url`. */
  readonly prepare: (url: string, agent: number) => Request
}

async function startPeer(
  program: string,
  debianPackage: string,
  healthPath: string,
  configure: (folder: string, port: number) => Promise<Peer>,
): Promise<IngestTarget | undefined> {
  if (!(await hasProgram(program))) {
    console.log(`${program} is not installed, and not measured: apt-get install ${debianPackage}`)
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'rca-bench-peer-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { words, setUp, prepare } = await configure(folder, port)
  const child = spawn(program, words, { stdio: 'ignore' })
  const stop = async (): Promise<void> => {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilHealthy(`${url}/${healthPath}`)
    await setUp?.(url)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    pid: child.pid!,
    prepare: (agent) => prepare(url, agent),
    isAccepted: (status) => status === 200 || status === 204,
    diskBytes: () => bytesOf(folder),
    stop,
  }
}

async function untilHealthy(url: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return
    if (performance.now() > deadline) throw new Error(`${url} did not answer within ${START_TIMEOUT_MS / 1000} s`)
    await setTimeout(100)
  }
}

function bytesOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, { parentPath, name }) => sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    )
}

/** Points in InfluxDB's line protocol, with the same names, values and labels as in a report. */
function lineRequest(path: string): Peer['prepare'] {
  return (url, agent) => {
    const at = Date.now()
    const lines = Array.from({ length: POINTS }, (_, point) => {
      const { name, labels, value } = pointOf(agent, point)
      const tags = Object.entries(labels).map(([label, text]) => `,${label}=${text}`)
      return `${name}${tags.join('')} value=${value} ${at}`
    })
    return { url: url + path, headers: { 'content-encoding': 'gzip' }, body: compress(lines.join('\n')) }
  }
}

/** The message of Prometheus' remote write 1.0. */
const WriteRequest = protobuf
  .parse(`
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
`)
  .root.lookupType('WriteRequest')

function remoteWriteRequest(url: string, agent: number): Request {
  const timestamp = Date.now()
  const timeseries = Array.from({ length: POINTS }, (_, point) => {
    const { name, labels, value } = pointOf(agent, point)
    const sorted = Object.entries({ __name__: name.replaceAll('.', '_'), ...labels }).toSorted()
    return {
      labels: sorted.map(([label, text]) => ({ name: label, value: text })),
      samples: [{ value, timestamp }],
    }
  })
  const message = WriteRequest.encode({ timeseries }).finish()
  const headers = {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': '0.1.0',
  }
  return { url: `${url}/api/v1/write`, headers, body: compressSnappy(message) }
}

function pointOf(agent: number, point: number): { name: string; labels: Record<string, string>; value: number } {
  return {
    name: `system.metric.${point % ENTITY_POINTS}`,
    labels: {
      entity: `host-${agent}/mnt/disk-${Math.floor(point / ENTITY_POINTS)}`,
      system_device: `/dev/sd${point % 26}`,
      state: 'used',
    },
    value: Math.random() * 1000,
  }
}
