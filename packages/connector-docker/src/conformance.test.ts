import type { ServerResponse } from 'node:http'
import { checks, type Fault, type Scenario, type ScenarioSystem, summarize } from '@rca/connector-testkit'
import { testConformance } from '@rca/rig/conformance'
import { type Answer, answering, engineServer, refusing, silent } from '../test/engine-server.ts'
import { canary, captured } from '../test/fixtures.ts'
import { docker } from './index.ts'

const of = captured('engine-26-cgroup-v2')

/** The client library waits for the rest of an answer that was cut, until the timeout: `client.test.ts`. */
const FAULTS: Readonly<Record<string, Answer>> = {
  'answers 403': refusing(403, 'denied by a plugin'),
  'answers 500': refusing(500, 'no space left on device'),
  'answers nothing': answering(''),
  'answers malformed JSON': answering('[{]'),
  'answers a page of HTML': answering('<html><body>Sign in</body></html>', 'text/html'),
}

const ROUTES = ['/info', '/containers/json', '/networks', '/volumes', '/system/df']

/** An engine that works: with its captured answers, the current time, and a stream of events. */
async function start(): Promise<
  ScenarioSystem & { send(lines: readonly string[]): void; permissions(): readonly string[] }
> {
  const streams = new Set<ServerResponse>()
  const events: { readonly timeNano: bigint; readonly line: string }[] = []
  const working: Readonly<Record<string, Answer>> = {
    '/info': (request, response) =>
      answering(JSON.stringify({ ...(of.json('info.json') as object), SystemTime: new Date().toISOString() }))(
        request,
        response,
      ),
    '/events': (request, response) => {
      const [seconds = '0', nanoseconds = ''] = (
        new URL(request.url ?? '', 'http://engine').searchParams.get('since') ?? '0'
      ).split('.')
      const since = BigInt(`${seconds}${nanoseconds.padEnd(9, '0')}`)
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      for (const { timeNano, line } of events) if (timeNano >= since) response.write(line)
      streams.add(response)
      response.on('close', () => streams.delete(response))
    },
  }
  const answers: Record<string, Answer> = { ...working }
  const answer =
    (changes: Readonly<Record<string, Answer>>): Fault =>
    () => {
      Object.assign(answers, changes)
      return () => {
        for (const route of Object.keys(changes)) delete answers[route]
        Object.assign(answers, working)
      }
    }
  let everywhere: Answer | undefined
  const all =
    (given: Answer): Fault =>
    () => {
      everywhere = given
      return () => {
        everywhere = undefined
      }
    }
  const server = await engineServer(of, new Proxy(answers, { get: (own, route: string) => everywhere ?? own[route] }))
  const { id, name, image } = of.container('crashed')
  const event = { Type: 'container', Action: 'die', scope: 'local', timeNano: 0 }
  /** Sends events. The last one happens now, the others as long before it as they did. */
  const send = (lines: readonly string[]): void => {
    const times = lines.map((line) => BigInt(/"timeNano":(\d+)/.exec(line)?.[1] ?? 0))
    const shift = BigInt(Date.now()) * 1_000_000n - (times.at(-1) ?? 0n)
    for (const [index, line] of lines.entries()) {
      const timeNano = (times[index] ?? 0n) + shift
      const sent = `${line.replace(/"timeNano":\d+/, `"timeNano":${timeNano}`)}\n`
      events.push({ timeNano, line: sent })
      for (const stream of streams) stream.write(sent)
    }
  }
  return {
    options: { docker_host: `unix://${server.path}` },
    faults: Object.fromEntries(
      ROUTES.flatMap((route) =>
        Object.entries(FAULTS).map(([fault, given]) => [`${route} ${fault}`, answer({ [route]: given })]),
      ),
    ),
    deny: all(refusing(403, 'denied by a plugin')),
    silence: all(silent),
    empty: answer({
      '/containers/json': answering('[]'),
      '/networks': answering('[]'),
      '/volumes': answering('{"Volumes":[]}'),
      '/system/df': answering('{"LayersSize":0,"Images":[],"Containers":[],"Volumes":[],"BuildCache":[]}'),
    }),
    send,
    act: () => send([JSON.stringify({ ...event, Actor: { ID: id, Attributes: { name, image, exitCode: '1' } } })]),
    breakStreams: () => {
      for (const stream of streams) stream.destroy()
    },
    requests: () => server.requests.length,
    permissions: () => server.requests.map(permissionOf),
    secrets: [canary],
    environment: [canary],
    close: server.close,
  }
}

/** Returns the part of the engine's API that a request needs, such as `GET /containers/{id}/json`. */
function permissionOf(request: string): string {
  const [path = ''] = request.split('?')
  return `GET ${path.replace(/^\/v[\d.]+(?=\/)/, '').replace(/^\/(containers|images)\/(?!json$).+(?=\/)/, '/$1/{id}')}`
}

/** An engine whose captured events happen again, but for removals of the containers that it lists. */
async function startBusy(): Promise<ScenarioSystem> {
  const { send, options = {}, secrets = [], environment = [], permissions, close } = await start()
  const ids = of.containers().map((container) => container.id)
  const isRemoval = (line: string): boolean => line.includes('"destroy"') && ids.some((each) => line.includes(each))
  const lines = of.text('events.jsonl').split('\n')
  return {
    options,
    secrets,
    environment,
    permissions,
    act: () => send(lines.filter((line) => line !== '' && !isRemoval(line))),
    actEvents: 116,
    close,
  }
}

/** The clock stands still: events have the engine's time. */
const intervalMs = 1
const scenario: Scenario = { name: of.name, options: { root_path: of.root }, intervalMs, maxRequests: 40, start }

const suite = checks(docker, {
  // The busy engine is remote: usage is read from its API.
  scenarios: [
    scenario,
    { name: `${of.name}, busy`, options: { root_path: '/nonexistent' }, intervalMs, start: startBusy },
  ],
  packageFolder: `${import.meta.dirname}/..`,
  nodeArguments: ['--conditions=@rca/source'],
  strict: true,
})
testConformance(suite, summarize)
