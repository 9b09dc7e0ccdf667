import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CONNECTOR, type LampsPackage, lampsPackage } from '../../test/lamps-package.ts'
import { runCli } from '../cli.ts'
import type { Recording } from '../recording/recording.ts'

/** The lamp with a watcher, and with a metric that it does not declare. */
const WATCHING = CONNECTOR.replace(
  'const signals = {',
  `const undeclared = metric({ name: 'example.lamp.heat', unit: 'Cel', kind: 'gauge', description: 'Heat.' })
const signals = {
  broken: event({ name: 'example.lamp.broken', severity: 'error', description: 'A lamp broke.' }),`,
)
  .replace('defineConnector, ', 'defineConnector, event, ')
  .replace(
    "({ entities: [signals.lamp.entity({ id: 'lamp' })] })",
    `({
      entities: [signals.lamp.entity({ id: 'lamp' })],
      metrics: [
        signals.power.point(lamp, signals.lamp.reference('lamp')),
        undeclared.point(30, signals.lamp.reference('lamp')),
      ],
    })`,
  )
  .replace(
    '  collectors:',
    `  watchers: {
    breaks: {
      watch: async (_client, { emit, now, sleep }) => {
        emit({ events: [signals.broken.event({ at: now(), entity: signals.lamp.reference('lamp'), body: 'It broke.' })] })
        for (;;) await sleep('1h')
      },
    },
  },
  collectors:`,
  )

// Compiles in each test: a loaded machine takes minutes.
describe('rca-connector dev', { timeout: 300_000 }, () => {
  let made: LampsPackage
  let lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  const run = (...words: string[]): Promise<number> => runCli(words, { folder: made.folder, print, printError: print })
  const server = createServer((_request, response) => response.end('{}'))

  beforeEach(async () => {
    made = lampsPackage()
    lines = []
    made.writePackage()
    made.write('src/index.ts', WATCHING)
    made.write('src/lamp.ts', 'export const lamp: number = 40\n')
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    vi.stubEnv('LAMP_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    vi.stubEnv('COLLECT_INTERVAL', '1s')
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    made.remove()
  })

  test('shows one report with --once, and warns of undeclared signals', async () => {
    expect(await run('dev', '--once'), lines.join('\n')).toBe(0)
    const output = lines.join('\n')
    expect(output).toMatch(/^\d\d:\d\d:\d\d$/m)
    expect(output).toMatch(/^ {2}entity +example\.lamp +1 +1 +lamp$/m)
    expect(output).toMatch(/^ {2}metric +example\.lamp\.power +1 +1 +lamp: 40 W$/m)
    expect(output).toMatch(/^ {2}event +example\.lamp\.broken \(error\): It broke\.$/m)
    expect(output).toMatch(/^ {2}WARNING +collector:power: left out: .*`example\.lamp\.heat` is not declared/m)
    expect(output.split('WARNING')).toHaveLength(2)
  })

  test('record --watch runs the watchers, and records their requests', async () => {
    made.write(
      'src/index.ts',
      WATCHING.replace(
        "for (;;) await sleep('1h')",
        "await fetch(process.env.LAMP_URL + 'stream')\n        await sleep('1h')",
      ),
    )
    expect(await run('record', 'lamp.json', '--watch', '2s'), lines.join('\n')).toBe(0)
    expect(lines.join('\n')).toContain('It broke.')
    const { exchanges } = JSON.parse(readFileSync(join(made.folder, 'lamp.json'), 'utf8')) as Recording
    expect(exchanges.map(({ url }) => new URL(url).pathname)).toEqual(['/', '/stream'])
    expect(await run('record', 'lamp.json', '--watch', 'long')).toBe(1)
    expect(lines.join('\n')).toContain('--watch must be a time such as 30s or 2m, got `long`')
  })

  test('runs against a recording, and fails without the system', async () => {
    expect(await run('record', 'lamp.json'), lines.join('\n')).toBe(0)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    lines = []
    expect(await run('dev', '--once')).toBe(1)
    expect(lines.join('\n')).toContain('Lamps cannot be read')
    expect(await run('dev', 'lamp.json', '--once'), lines.join('\n')).toBe(0)
    expect(lines.join('\n')).toContain('lamp: 40 W')
  })

  test('starts again with saved sources, outlives wrong ones, and ends on SIGINT', async () => {
    const main = join(import.meta.dirname, '../main.ts')
    const child = spawn(process.execPath, ['--conditions=@rca/source', main, 'dev'], { cwd: made.folder })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
    const shows = (text: string): Promise<void> =>
      expect.poll(() => output, { timeout: 120_000, interval: 50 }).toContain(text)
    try {
      await shows('lamp: 40 W')
      made.write('src/lamp.ts', "export const lamp: number = 'on'\n")
      await shows('ended with exit code 1. It starts again')
      made.write('src/lamp.ts', 'export const lamp: number = 60\n')
      await shows('lamp: 60 W')
      child.kill('SIGINT')
      expect(await ended).toBe(0)
    } finally {
      child.kill('SIGKILL')
    }
  })
})
