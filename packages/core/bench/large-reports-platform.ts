import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Responds as a platform does, and prints the bytes and reports that arrive. */
const PLATFORM = `
const { createServer } = require('node:http'), { createGunzip } = require('node:zlib')
let bytes = 0, reports = 0
createServer((request, response) => {
  request.on('data', (chunk) => { bytes += chunk.length })
  const body = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
  let all = ''
  body.setEncoding('utf8').on('data', (chunk) => { all += chunk }).on('end', () => {
    const json = JSON.parse(all)
    reports += json.reports?.length ?? 0
    if (json.reports) console.log(JSON.stringify({ size: all.length, bytes, reports }))
    bytes = 0
    response.writeHead(json.reports ? 202 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(json.reports ? { accepted: json.reports.length, duplicates: 0 } : { interval_seconds: 30, server_time: new Date().toISOString() }))
  })
}).listen(0, '127.0.0.1', function () { console.log(JSON.stringify({ port: this.address().port })) })
`

/** One request. */
export interface Sent {
  readonly size: number
  readonly bytes: number
  readonly reports: number
}

/** Starts a platform in a process of its own, so that its CPU time is not counted as the agent's. */
export async function startPlatform(): Promise<{ url: string; sent: Sent[]; stop(): void }> {
  const child = spawn(process.execPath, ['-e', PLATFORM], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [first] = (await once(lines, 'line')) as [string]
  const sent: Sent[] = []
  lines.on('line', (line) => sent.push(JSON.parse(line) as Sent))
  return {
    url: `http://127.0.0.1:${(JSON.parse(first) as { port: number }).port}`,
    sent,
    stop: () => void child.kill(),
  }
}
